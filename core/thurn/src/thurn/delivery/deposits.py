"""Commits the deposits of one transaction: all of them, then the reply.

Rules of this file:
1. Deposits that go through the commit log are one frame and one sync, together with whatever else
   arrived meanwhile. Engines with a durability of their own commit first: if the log then fails,
   the peer comes again, and such an engine has the message twice: it is never lost.
2. Once the log has returned, the message is durable: whatever a deposit does after that changes
   no answer.
3. A deposit that never comes back keeps nobody waiting beyond `COMMIT_SECONDS`. It goes on without
   its caller, so that its message is durable or not, and never half; nobody knows which, and the
   answer is a temporary failure. What goes through the log alone is watched in the task of its
   session, for a hop into the pool would cost each message what only a broken disk makes of use.
4. What a deposit does wrong is its owner's fault, and is reported with instance, file and line.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeGuard

import trio

from thurn.chain.calls import Callee, CallOverran, CallsExhausted
from thurn.chain.supervision import Supervision, Unanswered
from thurn.contracts.commitlog import Change, CommitLog
from thurn.contracts.store import Deposit
from thurn.types.errors import (
    PermanentFailure,
    StorageError,
    StorageFull,
    StorageTrouble,
    TemporaryFailure,
)

COMMIT_SECONDS: Final = 120.0
"""The longest wait for a commit; a peer waits 600 s for the end of data (RFC 5321 §4.5.3.2.6)."""


class OwnedDeposit:
    """A deposit together with the instance that has to keep what it promises.

    Attributes:
        callee: the store or queue that prepared it.
        is_busy: its owner's code is running.
    """

    __slots__ = ("_deposit", "_supervision", "callee", "is_busy")

    def __init__(self, deposit: Deposit, callee: Callee, supervision: Supervision) -> None:
        self._deposit = deposit
        self._supervision = supervision
        self.callee = callee
        self.is_busy = False

    @property
    def is_own(self) -> bool:
        """Whether it stores by itself and not through the commit log."""
        try:
            return not self._deposit.changes
        except Exception:  # noqa: BLE001 - `changes` reports it
            return True

    @property
    def changes(self) -> Sequence[Change]:
        """See `Deposit`. Raises Unanswered when they are not a sequence."""
        try:
            changes: object = self._deposit.changes
        except Exception as error:
            raise self.judge(error) from error
        if not isinstance(changes, Sequence) or isinstance(changes, str | bytes):
            raise self._supervision.nonsense(self.callee, changes, "changes are a sequence")
        for change in changes:
            if not callable(getattr(change, "apply", None)):
                raise self._supervision.nonsense(self.callee, change, "not a Change")
        return changes

    async def place(self) -> None:
        """See `Deposit`."""
        await self._do(self._deposit.place)

    async def commit(self) -> None:
        """See `Deposit`."""
        await self._do(self._deposit.commit)

    async def abort(self) -> None:
        """See `Deposit`: whatever it raises is reported only."""
        with suppress(TemporaryFailure):
            try:
                await self._do(self._deposit.abort)
            except (StorageError, PermanentFailure) as error:
                self._supervision.raised(self.callee, error)

    async def _do(self, function: Callable[[], Awaitable[None]]) -> None:
        self.is_busy = True
        try:
            await function()
        except BaseException as error:
            judged = self.judge(error)
            if judged is error:
                raise
            raise judged from error
        finally:
            self.is_busy = False

    def judge(self, error: BaseException) -> BaseException:
        """What is to be raised for what the owner's code has raised."""
        return self._supervision.judge(self.callee, error)


class FateUnknown(Unanswered):
    """A commit has not come back in time, and goes on.

    Attributes:
        fate: learns what has become of it.
    """

    def __init__(self, failure: Unanswered, fate: Fate) -> None:
        super().__init__(failure.reason, str(failure))
        self.fate = fate


@dataclass(slots=True)
class Fate:
    """What has become of a commit: `stored` is None until it is known."""

    stored: bool | None = None


def owned(supervision: Supervision, callee: Callee, prepare: Callable[[], object]) -> OwnedDeposit:
    """Prepare a deposit.

    Raises:
        Unanswered: its owner raises, or gives something else.
        StorageError, TemporaryFailure: its owner cannot do it.
    """
    try:
        deposit = prepare()
    except Exception as error:
        raise supervision.judge(callee, error) from error
    if not _is_deposit(deposit):
        raise supervision.nonsense(callee, deposit, "not a Deposit")
    return OwnedDeposit(deposit, callee, supervision)


async def commit_all(
    log: CommitLog, deposits: Sequence[OwnedDeposit], supervision: Supervision, identifier: str = ""
) -> None:
    """Make all deposits durable, or raise and abort all, but those that `StorageFull` calls done.

    Args:
        log: the worker's.
        deposits: of one transaction.
        supervision: how their owners are called.
        identifier: the transaction's id.

    Cancellation: where all go through the log, as the log's own: what is not begun has not
    happened, what is begun is ended. Once another engine has begun, all of it is ended, but not
    waited for.

    Raises:
        FateUnknown: an owner has not answered within `COMMIT_SECONDS`.
        Unanswered: an owner broke its contract, or is suspended.
        StorageError: nothing has happened, but for what `StorageFull` calls done.
    """
    if not deposits:
        return
    for deposit in deposits:
        supervision.check(deposit.callee)
    own = [deposit.callee for deposit in deposits if deposit.is_own]
    owner, fate = (own or [deposits[0].callee])[0], Fate()
    now = trio.current_time()
    deadline = now + COMMIT_SECONDS
    if not own and now >= owner.pooled_until:
        await supervision.watched(owner, deadline, _commit_or_abort, log, deposits, fate)
        return
    try:
        await supervision.calls.call(
            owner, identifier, deadline, _commit_or_abort, log, deposits, fate
        )
    except CallOverran as overrun:
        busy = [deposit.callee for deposit in deposits if deposit.is_busy]
        if not busy:  # the log itself; it was cancelled, and knows what it has begun
            raise StorageTrouble(f"no commit within {overrun.seconds:.3g} s") from None
        raise FateUnknown(supervision.missed(busy[0], overrun.seconds), fate) from None
    except CallsExhausted as error:
        raise StorageTrouble(f"{owner.instance}: {error}") from None


def is_missing(deposit: Deposit, error: BaseException) -> bool:
    """Whether a commit that was done in part lacks this one."""
    missing = error.missing if isinstance(error, StorageFull) else ()
    return any(change in missing for change in deposit.changes)


async def _commit_or_abort(log: CommitLog, deposits: Sequence[OwnedDeposit], fate: Fate) -> None:
    with trio.CancelScope() as scope:
        try:
            logged = await _commit(log, deposits, scope)
        except BaseException as error:
            fate.stored = False
            scope.shield = True
            await _abort(deposits, error)
            raise
        scope.shield = True
        await _end(logged)
        fate.stored = True


async def _commit(
    log: CommitLog, deposits: Sequence[OwnedDeposit], scope: trio.CancelScope
) -> list[OwnedDeposit]:
    """Make everything durable; returns the deposits that have to hear of it."""
    logged: list[OwnedDeposit] = []
    changes: list[Change] = []
    for deposit in deposits:
        await deposit.place()
        own = deposit.changes
        if own:
            logged.append(deposit)
            changes.extend(own)
        else:
            scope.shield = True  # from here on it is all or nothing, whoever leaves
            await deposit.commit()
    if changes:
        try:
            await log.commit(changes)
        except StorageError:
            raise
        except Exception as error:  # of a change that was applied
            raise logged[0].judge(error) from error
    return logged


async def _end(logged: Sequence[OwnedDeposit]) -> None:
    """Tell deposits that their changes are durable; what fails now is reported only."""
    for deposit in logged:
        with suppress(TemporaryFailure, StorageError):
            await deposit.commit()


async def _abort(deposits: Sequence[OwnedDeposit], error: BaseException) -> None:
    partly = isinstance(error, StorageFull) and bool(error.missing)
    for deposit in deposits:
        with suppress(TemporaryFailure, StorageError):
            if partly and deposit.is_own:
                continue  # it has committed first
            if partly and not is_missing(deposit, error):
                await deposit.commit()
            else:
                await deposit.abort()


def _is_deposit(found: object) -> TypeGuard[Deposit]:
    return all(callable(getattr(found, name, None)) for name in ("place", "commit", "abort"))
