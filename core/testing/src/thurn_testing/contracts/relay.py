"""The conformance kit of relay policies (`thurn.contracts.relay`): who may send, and who never may.

    async def test_contract(tmp_path):
        async with factory.open(settings, FakeContext(tmp_path)) as policy:
            await check_relay(policy, permitted=[make_session(identity=...)], asked_on=[...])

Whatever a policy permits, it permits because of what the host knows for certain (login, peer's
address, grants), never because of what a peer says. `check_relay` lets a stranger say all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from thurn.contracts.relay import RelayPolicy
from thurn.types.address import Address
from thurn.types.decision import (
    Accept,
    Continue,
    Decision,
    Disconnect,
    Reject,
    Tempfail,
)
from thurn.types.envelope import Recipient
from thurn.types.session import Session, Transaction

from thurn_testing.contracts.expectation import expect, expect_decision, expect_equal, unblocked
from thurn_testing.fakes.session import PEER, make_session, make_transaction

ELSEWHERE: Final = Recipient(Address.parse("someone@elsewhere.example"))
SENDERS: Final = (
    None,
    "postmaster@localhost",
    "root@[127.0.0.1]",
    "alice@example.org",
    "alice@mx.example.org",
    "anyone@elsewhere.example",
)
"""Reverse-paths that look as if they were ours; anybody can say them."""
HELLOS: Final = ("localhost", "mx.example.org", "[127.0.0.1]", "[IPv6:::1]", "example.org", "")
PARAMETERS: Final = ({"AUTH": "alice@example.org"}, {"AUTH": "<>"}, {"SMTPUTF8": None})
RECIPIENTS: Final = (
    "someone%elsewhere.example@[127.0.0.1]",
    '"someone@elsewhere.example"@other.example',
    "elsewhere.example!someone@other.example",
    "postmaster@elsewhere.example",
    "alice@example.org.elsewhere.example",
    "someone@[203.0.113.77]",
)
RECIPIENT_PARAMETERS: Final = {"ORCPT": "rfc822;alice@example.org", "NOTIFY": "NEVER"}


async def check_relay(
    policy: RelayPolicy,
    *,
    permitted: Sequence[Session],
    asked_on: Sequence[Session] = (),
    stranger: str = PEER,
) -> None:
    """Everything that the contract promises holds for this policy as it is configured.

    Args:
        policy: opened.
        permitted: sessions that may send to elsewhere.
        asked_on: sessions about which the policy has no opinion, besides strangers.
        stranger: the address of a peer that this configuration does not permit.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    for session in permitted:
        await _all_permitted(policy, session)
    for session in asked_on:
        decision = await _ask(policy, make_transaction(session), ELSEWHERE)
        expect(_no_opinion(decision), f"no opinion on {_shown(session)}: found {decision!r}")
    for transaction, recipient in _strange(stranger):
        decision = await _ask(policy, transaction, recipient)
        expect(
            not isinstance(decision, Accept),
            f"a stranger is not permitted, whatever it says: {transaction.sender} to "
            f"{recipient.address}, {_shown(transaction.session)}",
        )


async def _all_permitted(policy: RelayPolicy, session: Session) -> None:
    for sender in SENDERS:
        transaction = make_transaction(session, sender=sender)
        decision = await _ask(policy, transaction, ELSEWHERE)
        if isinstance(decision, Accept):
            expect(decision.reason, "a decision has a reason")
            expect(not decision.edits, "a relay policy changes nothing")
        elif not isinstance(decision, Reject | Tempfail) and not _noted(decision):
            # A policy may permit only senders that are the account's own; it must then say so.
            raise AssertionError(f"{_shown(session)} is permitted: found {decision!r}")
    answers = [
        await _ask(policy, make_transaction(session, sender="alice@example.org"), ELSEWHERE)
        for _ in range(2)
    ]
    expect(isinstance(answers[0], Accept), f"{_shown(session)} is permitted: {answers[0]!r}")
    expect_equal(answers[1], answers[0], "the same question has the same answer")


async def _ask(
    policy: RelayPolicy, transaction: Transaction, recipient: Recipient
) -> Decision | None:
    session = transaction.session
    before = (transaction.sender, [*transaction.recipients], session.identity, session.remembered)
    with unblocked("a relay policy blocks nobody"):
        decision = await policy.may_relay(transaction, recipient)
    after = (transaction.sender, [*transaction.recipients], session.identity, session.remembered)
    expect_equal(after, before, "a policy judges; it changes neither transaction nor session")
    known = Continue | Accept | Reject | Tempfail | Disconnect | None
    expect(isinstance(decision, known), f"the answer is a decision or None: {decision!r}")
    expect_decision(decision)
    return decision


def _noted(decision: Decision | None) -> bool:
    """Whether the decision is no opinion, with a reason and a detail for the journal."""
    return isinstance(decision, Continue) and bool(decision.reason and decision.detail)


def _no_opinion(decision: Decision | None) -> bool:
    return decision is None or isinstance(decision, Continue)


def _strange(peer: str) -> Iterator[tuple[Transaction, Recipient]]:
    """Transactions in which a stranger says one unusual thing each."""
    session = make_session(peer=peer)
    for sender in SENDERS:
        yield make_transaction(session, sender=sender), ELSEWHERE
    for hello in HELLOS:
        yield make_transaction(make_session(peer=peer, hello=hello)), ELSEWHERE
    for parameters in PARAMETERS:
        yield make_transaction(session, parameters=parameters), ELSEWHERE
    for text in RECIPIENTS:
        yield make_transaction(session), Recipient(Address.parse(text))
        recipient = Recipient(Address.parse(text), RECIPIENT_PARAMETERS)
        yield make_transaction(session), recipient


def _shown(session: Session) -> str:
    who = session.identity.account if session.identity is not None else "no login"
    return f"a session of {session.peer}, {who}, hello {session.hello!r}"
