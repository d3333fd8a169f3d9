"""The conformance kit of sender policies (`thurn.contracts.policy.SenderPolicy`), and of policies
that open rules per session (`SessionPolicy`).

    async def test_contract(tmp_path):
        async with factory.open(settings, context) as policy:
            await check_sender_policy(policy, passed=[transaction], refused=[other])
            await check_session_policy(policy)

What a policy thinks is its own business; that it answers in decisions, alike when asked alike, with
reasons, changes nothing, and stands whatever a peer says, is the contract's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args

import trio
from thurn.contracts.policy import (
    ConnectionPolicy,
    HelloPolicy,
    RecipientPolicy,
    SenderPolicy,
    SessionPolicy,
    TransactionOutcome,
    TransactionWatcher,
)
from thurn.hooks.roles import problems_of
from thurn.types.address import Address
from thurn.types.decision import Accept, Continue, Decision, Disconnect, Reject, Tempfail
from thurn.types.envelope import Recipient
from thurn.types.session import Session, Transaction

from thurn_testing.contracts.expectation import (
    expect,
    expect_decision,
    expect_equal,
    in_time,
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
"""Reverse-paths that a peer may give; all of them are well-formed."""


SESSION_SECONDS: Final = 30.0
"""Longest session of this kit in seconds; the deadline of a stage is as long."""
CLOSE_SECONDS: Final = 5.0
"""Longest closing of the rules of a session in seconds, as in the host."""


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


async def check_session_policy(policy: SessionPolicy, *, sessions: Sequence[Session] = ()) -> None:
    """The rules of sessions open, answer, hear of every end and close, whatever happens.

    Args:
        policy: opened.
        sessions: more kinds of sessions than a stranger and a unix socket.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    problems = problems_of("policy", policy)
    expect(not problems, "; ".join(problems) or "a policy has the members of its contract")
    for session in (make_session(), make_session(peer=None), *sessions):
        for outcome in get_args(TransactionOutcome):
            await _live(policy, session, [outcome])
        await _live(policy, session, get_args(TransactionOutcome))
        await _live(policy, session, ())
    await _live_beside(policy)
    await _leave(policy)


async def _live(
    policy: SessionPolicy, session: Session, outcomes: Sequence[TransactionOutcome]
) -> None:
    """One session whose transactions have these outcomes."""
    with in_time("a session with its transactions ends in time", SESSION_SECONDS):
        async with policy.open(session) as rules:
            expect(isinstance(rules, policy.rules), "`open` gives an object of the class `rules`")
            for outcome in outcomes:
                await _transact(rules, session, outcome)


async def _transact(rules: object, session: Session, outcome: TransactionOutcome) -> None:
    transaction = make_transaction(session, sender="someone@elsewhere.example")
    recipient = Recipient(Address.parse("alice@example.org"))
    answers: list[Decision | None] = []
    with unblocked("rules of a session block nobody"):
        if isinstance(rules, ConnectionPolicy):
            answers.append(await rules.check_connection(session))
        if isinstance(rules, HelloPolicy):
            answers.append(await rules.check_hello(session, "client.example"))
        if isinstance(rules, SenderPolicy):
            answers.append(await rules.check_sender(transaction, transaction.sender))
        if isinstance(rules, RecipientPolicy):
            answers.append(await rules.check_recipient(transaction, recipient))
        if isinstance(rules, TransactionWatcher):
            await rules.transaction_ended(transaction, outcome)
    for answer in answers:
        known = Continue | Accept | Reject | Tempfail | Disconnect | None
        expect(isinstance(answer, known), f"the answer is a decision or None: {answer!r}")


async def _live_beside(policy: SessionPolicy) -> None:
    """Two sessions at once have rules of their own."""
    one, two = make_session(), make_session()
    with in_time("a session with its transactions ends in time", SESSION_SECONDS):
        async with policy.open(one) as first:
            async with policy.open(two) as second:
                expect(first is not second, "each session has rules of its own")
                await _transact(second, two, "stored")
            await _transact(first, one, "stored")


async def _leave(policy: SessionPolicy) -> None:
    """A session that is cancelled ends within the time that the host gives it."""
    promise = "rules that are cancelled close in time"
    with in_time(promise, CLOSE_SECONDS), trio.CancelScope() as scope:
        async with policy.open(make_session()):
            scope.cancel()
            await trio.lowlevel.checkpoint()


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
