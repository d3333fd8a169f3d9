r"""One-line checks of function plugins: what does this rule say to this message?

    decision = await check_filter(words, b"Subject: x\r\n\r\n", config={"words": ["x"]})
    assert isinstance(decision, Reject)

Each runs the plugin as the host would: settings checked by its model, the product opened, the
contract's method called. Failures raise, as nothing catches them here,
so that a test sees the traceback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from thurn.contracts.context import Context
from thurn.contracts.factory import Factory
from thurn.telemetry.journal import Entry
from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.decision import Continue
from thurn.types.envelope import Recipient
from thurn.types.identity import AccountId, Identity
from thurn.types.session import Session, Target, Transaction

from thurn_testing.fakes.context import FakeContext


def make_session(*, peer: str = "192.0.2.1", account: str | None = None) -> Session:
    """A session as a listener would have it; logged in when an account is given."""
    identity = Identity(AccountId(account), account, "PLAIN", True) if account else None
    return Session("session1", "listener.test", "smtp", ip_address(peer), identity=identity)


def make_transaction(
    sender: str | None = "sender@example.net",
    recipients: Sequence[str] = ("alice@example.org",),
    *,
    session: Session | None = None,
) -> Transaction:
    """A transaction with these recipients accepted."""
    given = [Recipient(Address.parse(recipient)) for recipient in recipients]
    return Transaction(
        id="transaction1",
        session=session or make_session(),
        sender=Address.parse(sender) if sender else None,
        journal=Entry(0.0),
        recipients=given,
        targets=[(Target(recipient, None),) for recipient in given],
    )


async def check_filter(
    factory: Factory,
    message: bytes = b"Subject: test\r\n\r\nbody\r\n",
    *,
    config: Mapping[str, Any] | None = None,
    transaction: Transaction | None = None,
    context: Context | None = None,
) -> Any:  # noqa: ANN401 - a MessageDecision
    """What a message filter says; None becomes `Continue()`."""
    chosen = transaction or make_transaction()
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
    chosen = transaction or make_transaction(recipients=(recipient,))
    whom = Recipient(Address.parse(recipient))
    return await _ask(factory, config, context, "may_relay", chosen, whom)


async def check_sender(
    factory: Factory,
    sender: str | None = "sender@example.net",
    *,
    config: Mapping[str, Any] | None = None,
    transaction: Transaction | None = None,
    context: Context | None = None,
) -> Any:  # noqa: ANN401 - a Decision
    """What a sender policy says."""
    chosen = transaction or make_transaction(sender)
    return await _ask(factory, config, context, "check_sender", chosen, chosen.sender)


async def check_recipient(
    factory: Factory,
    recipient: str = "alice@example.org",
    *,
    config: Mapping[str, Any] | None = None,
    transaction: Transaction | None = None,
    context: Context | None = None,
) -> Any:  # noqa: ANN401 - a Decision
    """What a recipient policy says."""
    chosen = transaction or make_transaction(recipients=(recipient,))
    whom = Recipient(Address.parse(recipient))
    return await _ask(factory, config, context, "check_recipient", chosen, whom)


async def _ask(
    factory: Factory,
    config: Mapping[str, Any] | None,
    context: Context | None,
    method: str,
    *arguments: object,
) -> Any:  # noqa: ANN401
    settings = factory.settings.model_validate(dict(config or {}))
    chosen = context or FakeContext(Path(), name=f"{factory.role}.test")
    async with factory.open(settings, chosen) as product:
        answer = await getattr(product, method)(*arguments)
    return Continue() if answer is None else answer
