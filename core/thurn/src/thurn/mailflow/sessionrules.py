"""Makes a policy of rules that belong to one session (`thurn.contracts.policy.SessionPolicy`).

Rules of this file:
1. Rules are opened at the first question, in a task of their own, in which they are also closed:
   they may hold a nursery, which must be left in the task that entered it.
2. However a transaction ends, open rules hear of it once, and before the next question.
3. If opening, hearing of an end or closing fails, the rules of this session have failed: each later
   question fails temporarily without a call. Each such failure counts for the breaker.
4. Closing is bounded: rules that do not end are cancelled, and abandoned if that does not help.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import trio
from trio.lowlevel import Abort

from thurn.chain.calls import ABANDONED_LIMIT, UNWIND_SECONDS, Callee, noted
from thurn.chain.supervision import Supervision, Unanswered, described, place_of
from thurn.contracts.policy import (
    ConnectionPolicy,
    HelloPolicy,
    RecipientPolicy,
    SenderPolicy,
    SessionPolicy,
    TransactionOutcome,
    TransactionWatcher,
)
from thurn.types.address import Address
from thurn.types.decision import Decision
from thurn.types.envelope import Recipient
from thurn.types.session import Session, Transaction
from thurn.types.stash import StashKey

CLOSE_SECONDS: Final = 5.0
"""Most seconds for closing the rules of one session, because the worker may have to end."""
ENDED_SECONDS: Final = 20.0
"""Most seconds for one call of `transaction_ended`: less than the deadline of a stage, so that the
next question of a peer that goes on at once reports this failure and not a missed deadline."""


class SessionRules:
    """An instance whose rules are opened per session. The chains call it like any policy.

    Args:
        product: what the instance has opened.
        callee: how the instance is called.
        supervision: how failures are reported.

    Attributes:
        left_behind: how many sessions have not closed their rules in time.
    """

    __slots__ = ("_key", "callee", "left_behind", "product", "supervision")

    def __init__(self, product: SessionPolicy, callee: Callee, supervision: Supervision) -> None:
        self.product, self.callee, self.supervision = product, callee, supervision
        self._key = StashKey[_OpenRules](callee.instance)
        self.left_behind = 0

    async def check_connection(self, session: Session) -> Decision | None:
        """Ask the session's rules."""
        rules = await self._rules(session)
        return (
            await rules.check_connection(session) if isinstance(rules, ConnectionPolicy) else None
        )

    async def check_hello(self, session: Session, name: str) -> Decision | None:
        """Ask the session's rules."""
        rules = await self._rules(session)
        if not isinstance(rules, HelloPolicy):
            return None
        return await rules.check_hello(session, name)

    async def check_sender(
        self, transaction: Transaction, sender: Address | None
    ) -> Decision | None:
        """Ask the session's rules."""
        rules = await self._rules(transaction.session)
        if not isinstance(rules, SenderPolicy):
            return None
        return await rules.check_sender(transaction, sender)

    async def check_recipient(
        self, transaction: Transaction, recipient: Recipient
    ) -> Decision | None:
        """Ask the session's rules."""
        rules = await self._rules(transaction.session)
        if not isinstance(rules, RecipientPolicy):
            return None
        return await rules.check_recipient(transaction, recipient)

    async def _rules(self, session: Session) -> object:
        """The open rules of a session.

        Raises:
            Unanswered: they have failed, or the instance is suspended.
        """
        opened = session.stash.get(self._key)
        if opened is None:
            self.supervision.check(self.callee)
            if self.left_behind >= ABANDONED_LIMIT:
                text = f"{ABANDONED_LIMIT} sessions of it have not closed"
                raise Unanswered("plugin.exhausted", text)
            opened = session.stash[self._key] = _OpenRules(self, session)
            session.stash[_OPEN] = (*(session.stash.get(_OPEN) or ()), opened)
            opened.start()
        return await opened.ready()


class _OpenRules:
    """The rules of one session. While idle they hold no event and only one parked task."""

    __slots__ = (
        "_changed",
        "_closing",
        "_ended",
        "_failure",
        "_is_left",
        "_of",
        "_parked",
        "_rules",
        "_scope",
        "_session",
        "_unheard",
    )

    def __init__(self, of: SessionRules, session: Session) -> None:
        self._of, self._session = of, session
        self._rules: object | None = None
        self._failure: Unanswered | None = None
        self._unheard: deque[tuple[Transaction, TransactionOutcome]] | None = None
        self._closing = self._ended = self._is_left = False
        self._parked: trio.lowlevel.Task | None = None
        self._changed: trio.Event | None = None
        self._scope: trio.CancelScope | None = None

    def start(self) -> None:
        """Open the rules."""
        trio.lowlevel.spawn_system_task(self._run)

    async def ready(self) -> object:
        """Wait until the rules are open and have heard of all ends; returns them.

        Raises:
            Unanswered: they have failed.
        """
        while self._rules is None or self._unheard:
            if self._failure is not None:
                raise self._failure
            try:
                await self._wait_changed()
            except trio.Cancelled:  # the question's deadline, or the session's end
                self._fail("not ready before the deadline of the question")
                if self._scope is not None:
                    self._scope.cancel()
                raise
        if self._failure is not None:
            raise self._failure
        return self._rules

    def note_end(self, transaction: Transaction, outcome: TransactionOutcome) -> None:
        """Have the rules hear that a transaction has ended."""
        if self._failure is None and issubclass(self._of.product.rules, TransactionWatcher):
            self._unheard = self._unheard or deque()
            self._unheard.append((transaction, outcome))
            self._unpark()

    async def close(self) -> None:
        """Close the rules, because the session has ended. Bounded; never raises."""
        self._closing = True
        self._unpark()
        with trio.move_on_after(CLOSE_SECONDS, shield=True):
            await self._wait_ended()
            return
        self._fail(f"not closed within {CLOSE_SECONDS:g} s")
        if self._scope is not None:
            self._scope.cancel()
        with trio.move_on_after(UNWIND_SECONDS, shield=True):
            await self._wait_ended()
        if not self._ended:
            self._is_left = True
            self._of.left_behind += 1

    async def _run(self) -> None:
        current = self._of.supervision.calls.current
        await noted(current, self._session.id, self._of.callee, self._live())

    async def _live(self) -> None:
        try:
            with trio.CancelScope() as self._scope:
                async with self._of.product.open(self._session) as self._rules:
                    self._of.callee.missed = 0
                    self._change()
                    while not self._closing:
                        if self._unheard:
                            await self._pass_on_ends()
                        else:
                            self._parked = trio.lowlevel.current_task()
                            await trio.lowlevel.wait_task_rescheduled(self._abort)
                    await self._pass_on_ends()
        except BaseException as error:  # noqa: BLE001 - supervision point: one session
            place = place_of(error, self._of.callee.source)
            self._fail(described(error), place)
        finally:
            self._rules = None
            if not self._closing:
                self._fail("the rules have closed before their session")
            self._ended = True
            self._of.left_behind -= self._is_left
            self._change()

    async def _pass_on_ends(self) -> None:
        """Pass all ends on that the rules have not heard of."""
        while self._unheard:
            transaction, outcome = self._unheard[0]
            if isinstance(self._rules, TransactionWatcher):
                with trio.fail_after(ENDED_SECONDS):
                    await self._rules.transaction_ended(transaction, outcome)
            self._unheard.popleft()
        self._unheard = None
        self._change()

    def _fail(self, failure: str, source: str = "") -> None:
        """Report a failure and keep it for later questions; only the first one of a session."""
        if self._failure is None:
            self._failure = self._of.supervision.fault(self._of.callee, failure, source)
            self._change()

    def _abort(self, _: object) -> Abort:
        self._parked = None
        return Abort.SUCCEEDED

    def _unpark(self) -> None:
        if self._parked is not None:
            parked, self._parked = self._parked, None
            trio.lowlevel.reschedule(parked)

    async def _wait_changed(self) -> None:
        self._changed = self._changed or trio.Event()
        await self._changed.wait()

    async def _wait_ended(self) -> None:
        while not self._ended:
            await self._wait_changed()

    def _change(self) -> None:
        if self._changed is not None:
            self._changed.set()
            self._changed = None


_OPEN: Final = StashKey[tuple[_OpenRules, ...]]("mailflow.session_rules")
_CURRENT: Final = StashKey[Transaction | None]("mailflow.transaction")


def begin_transaction(transaction: Transaction) -> None:
    """Note that a transaction has begun, so that its end is noticed once, however it ends."""
    before = transaction.session.stash.get(_CURRENT)
    if before is not None:
        end_transaction(before, "abandoned")
    transaction.session.stash[_CURRENT] = transaction


def end_transaction(transaction: Transaction, outcome: TransactionOutcome) -> None:
    """Note the end of a transaction for all rules that the session has opened; only the first call
    for a transaction counts."""
    stash = transaction.session.stash
    if stash.get(_CURRENT) is transaction:
        stash[_CURRENT] = None
        for opened in stash.get(_OPEN) or ():
            opened.note_end(transaction, outcome)


async def end_session(session: Session) -> None:
    """Close all rules that the session has opened; bounded, shielded, and never raises."""
    current = session.stash.get(_CURRENT)
    if current is not None:
        end_transaction(current, "abandoned")
    opened = session.stash.get(_OPEN)
    if opened:
        session.stash[_OPEN] = ()
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                for one in opened:
                    nursery.start_soon(one.close)
