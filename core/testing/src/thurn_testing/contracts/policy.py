"""The conformance kit of sender policies (`thurn.contracts.policy.SenderPolicy`).

    async def test_contract(tmp_path):
        async with factory.open(settings, context) as policy:
            await check_sender_policy(policy, passed=[transaction], refused=[other])

What a policy thinks is its own business; that it answers in decisions, alike when asked alike, with
reasons, changes nothing, and stands whatever a peer says, is the contract's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from thurn.contracts.policy import SenderPolicy
from thurn.types.address import Address
from thurn.types.decision import Accept, Continue, Decision, Disconnect, Reject, Tempfail
from thurn.types.session import Session, Transaction

from thurn_testing.contracts.expectation import (
    expect,
    expect_decision,
    expect_equal,
    unblocked,
)
from thurn_testing.fakes.session import make_session, make_transaction

SENDERS: Final = (
    None,
    "postmaster@example.org",
    "alice@example.org",
    "someone@elsewhere.example",
    '"alice@example.org"@elsewhere.example',
    "root@[127.0.0.1]",
    "x@[IPv6:2001:db8::1]",
    "alice%example.org@elsewhere.example",
    "example.org!alice@elsewhere.example",
    '" "@example.org',
    "j\u00f6rg@m\u00fcnchen.example",
    "a" * 64 + "@" + "b" * 63 + ".example",
)
"""What a peer may say; every one parses."""


async def check_sender_policy(
    policy: SenderPolicy,
    *,
    passed: Sequence[Transaction] = (),
    refused: Sequence[Transaction] = (),
    sessions: Sequence[Session] = (),
) -> None:
    """Everything that the contract promises holds for this policy as it is configured.

    Args:
        policy: opened.
        passed: transactions whose sender it must not refuse.
        refused: transactions whose sender it must refuse for good.
        sessions: more kinds of sessions to be asked about; a stranger is always among them.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    for transaction in passed:
        decision = await _ask(policy, transaction)
        kept = decision is None or isinstance(decision, Continue | Accept)
        expect(kept, f"{transaction.sender} passes: {decision!r}")
    for transaction in refused:
        decision = await _ask(policy, transaction)
        expect(isinstance(decision, Reject), f"{transaction.sender} is refused: {decision!r}")
    for session in (make_session(), make_session(peer=None), *sessions):
        for sender in SENDERS:
            await _ask(policy, make_transaction(session, sender=sender))


async def _ask(policy: SenderPolicy, transaction: Transaction) -> Decision | None:
    answers = []
    for _ in range(2):
        before = _state(transaction)
        with unblocked("a policy blocks nobody"):
            answers.append(await policy.check_sender(transaction, _sender(transaction)))
        expect_equal(_state(transaction), before, "a policy judges; it changes nothing")
    decision = answers[0]
    expect_equal(answers[1], decision, "the same question has the same answer")
    known = Continue | Accept | Reject | Tempfail | Disconnect | None
    expect(isinstance(decision, known), f"the answer is a decision or None: {decision!r}")
    if decision is not None:
        expect(decision.reason, "a decision has a reason")
        expect_decision(decision)
    if isinstance(decision, Reject):
        expect(decision.status.is_permanent, "a rejection is 5xx")
    return decision


def _sender(transaction: Transaction) -> Address | None:
    return transaction.sender


def _state(transaction: Transaction) -> tuple[object, ...]:
    session = transaction.session
    return (
        transaction.sender,
        [*transaction.recipients],
        [*transaction.targets],
        session.identity,
        session.remembered,
    )
