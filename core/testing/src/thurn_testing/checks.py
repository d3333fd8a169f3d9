r"""One-line checks of function plugins: what does this rule say to this message?

    decision = await check_filter(words, b"Subject: x\r\n\r\n", config={"words": ["x"]})
    assert isinstance(decision, Reject)

Each runs the plugin as the host would: settings checked by its model, the product opened, the
contract's method called. Failures raise, as nothing catches them here,
so that a test sees the traceback.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from thurn.contracts.context import Context
from thurn.contracts.factory import Factory
from thurn.contracts.login import LoginAttempt
from thurn.contracts.outgoing import EntryKind, EntryOrigin, HopClass, OutgoingEntry
from thurn.delivery.record import RecordedDelivery
from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.decision import Continue
from thurn.types.envelope import Envelope, Recipient
from thurn.types.identity import AccountId
from thurn.types.session import Session, Target, Transaction

from thurn_testing.fakes.account import FakeAccount
from thurn_testing.fakes.context import FakeContext
from thurn_testing.fakes.session import make_session, make_transaction
from thurn_testing.script import run_script

SENDER: Final = "sender@example.net"
RECIPIENT: Final = "alice@example.org"
ORIGIN: Final = EntryOrigin(EntryKind.SUBMITTED, HopClass.WORLD, AccountId("alice"))
"""The origin of mail that alice has submitted for somebody elsewhere."""


def _transaction(
    given: Transaction | None, sender: str | None = SENDER, recipient: str = RECIPIENT
) -> Transaction:
    """The test's transaction, or one of a stranger with this recipient."""
    if given is not None:
        return given
    made = make_transaction(make_session(), sender=sender)
    made.recipients.append(Recipient(Address.parse(recipient)))
    made.targets.append((Target(made.recipients[0], None),))
    return made


async def check_filter(
    factory: Factory,
    message: bytes = b"Subject: test\r\n\r\nbody\r\n",
    *,
    config: Mapping[str, Any] | None = None,
    transaction: Transaction | None = None,
    context: Context | None = None,
) -> Any:  # noqa: ANN401 - a MessageDecision
    """What a message filter says; None becomes `Continue()`."""
    chosen = _transaction(transaction)
    return await _ask(factory, config, context, "check_message", chosen, Content.of(message))


async def check_relay(
    factory: Factory,
    recipient: str = "someone@elsewhere.example",
    *,
    config: Mapping[str, Any] | None = None,
    transaction: Transaction | None = None,
    context: Context | None = None,
) -> Any:  # noqa: ANN401 - a Decision
    """What a relay policy says of a recipient elsewhere."""
    chosen = _transaction(transaction, recipient=recipient)
    whom = Recipient(Address.parse(recipient))
    return await _ask(factory, config, context, "may_relay", chosen, whom)


async def check_sender(
    factory: Factory,
    sender: str | None = SENDER,
    *,
    config: Mapping[str, Any] | None = None,
    transaction: Transaction | None = None,
    context: Context | None = None,
) -> Any:  # noqa: ANN401 - a Decision
    """What a sender policy says."""
    chosen = _transaction(transaction, sender)
    return await _ask(factory, config, context, "check_sender", chosen, chosen.sender)


async def check_recipient(
    factory: Factory,
    recipient: str = RECIPIENT,
    *,
    config: Mapping[str, Any] | None = None,
    transaction: Transaction | None = None,
    context: Context | None = None,
) -> Any:  # noqa: ANN401 - a Decision
    """What a recipient policy says."""
    chosen = _transaction(transaction, recipient=recipient)
    whom = Recipient(Address.parse(recipient))
    return await _ask(factory, config, context, "check_recipient", chosen, whom)


async def check_login(
    factory: Factory,
    session: Session | None = None,
    *,
    name: str = "alice",
    config: Mapping[str, Any] | None = None,
    context: Context | None = None,
) -> Any:  # noqa: ANN401 - a Proceed, a Forbid, or None
    """What a login policy says before any credential is looked at; None: no objection."""
    attempt = LoginAttempt(session or make_session(), name, "PLAIN")
    return await _call(factory, config, context, "before_login", attempt)


async def check_route(
    factory: Factory,
    recipient: str = "someone@elsewhere.example",
    *,
    config: Mapping[str, Any] | None = None,
    context: Context | None = None,
) -> Any:  # noqa: ANN401 - a Hop, or None
    """Where a router sends a recipient elsewhere; None: the next router is asked."""
    whom = Recipient(Address.parse(recipient))
    envelope = Envelope(Address.parse(SENDER), (whom,))
    return await _call(factory, config, context, "route", envelope, whom)


async def check_outgoing(
    factory: Factory,
    message: bytes = b"Subject: test\r\n\r\nbody\r\n",
    *,
    config: Mapping[str, Any] | None = None,
    origin: EntryOrigin = ORIGIN,
    context: Context | None = None,
) -> Any:  # noqa: ANN401 - a Continue or Tempfail
    """What a filter of the stage `outgoing` says to a message that goes on; None becomes
    `Continue()`."""
    envelope = Envelope(Address.parse(RECIPIENT), (Recipient(Address.parse(SENDER)),))
    entry = OutgoingEntry(envelope, origin)
    return await _ask(factory, config, context, "check_outgoing", entry, Content.of(message))


async def check_sieve(  # noqa: PLR0913 - what a script may see
    factory: Factory,
    script: str,
    message: bytes = b"Subject: test\r\n\r\nbody\r\n",
    *,
    config: Mapping[str, Any] | None = None,
    sender: str | None = SENDER,
    account: FakeAccount | None = None,
    context: FakeContext | None = None,
) -> RecordedDelivery:
    """What a script with this extension wants done with a message for an account.

    Args:
        factory: a plugin of the role `sieve`.
        script: the account's; it requires the extension.
        message: without trace fields.
        config: its settings.
        sender: of the envelope.
        account: for mailboxes that are there, and for several messages in turn.
        context: with the test's clock or whatever else the plugin needs.

    Returns:
        `filings`, `sendings`, `rejection`, `notes` …; nothing is carried out.

    Raises:
        ScriptFailed: the script does not compile or ends in an error.
    """
    settings = factory.settings.model_validate(dict(config or {}))
    chosen = context or FakeContext(Path(), name=f"{factory.role}.test")
    asked = account or FakeAccount()
    asked.script = script
    async with factory.open(settings, chosen) as product:
        return await run_script(product, asked, message, sender, chosen.clock)


async def _ask(
    factory: Factory,
    config: Mapping[str, Any] | None,
    context: Context | None,
    method: str,
    *arguments: object,
) -> Any:  # noqa: ANN401
    answer = await _call(factory, config, context, method, *arguments)
    return Continue() if answer is None else answer


async def _call(
    factory: Factory,
    config: Mapping[str, Any] | None,
    context: Context | None,
    method: str,
    *arguments: object,
) -> Any:  # noqa: ANN401
    settings = factory.settings.model_validate(dict(config or {}))
    chosen = context or FakeContext(Path(), name=f"{factory.role}.test")
    async with factory.open(settings, chosen) as product:
        return await getattr(product, method)(*arguments)
