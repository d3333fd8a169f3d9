"""Commits the deposits of one transaction: all of them, then the reply.

Rules of this file:
1. Deposits that go through the commit log are written in one frame and one sync, together with what
   else has arrived. Stores that do not use the log commit first: if the log then fails, the peer
   sends the message again and such a store has it twice, but it is never lost.
2. When the log has returned, the message is durable, and nothing that a deposit does after that
   changes the answer.
3. Nobody waits longer than `COMMIT_SECONDS` for a deposit that does not come back. It goes on
   without its caller, so that its message is stored or not, and never half; since nobody knows
   which, the answer is a temporary failure. Deposits that only use the log are watched in the task
   of their session: handing each message to the pool would take time, and only a broken disk makes
   it useful.
4. What a deposit does wrong is reported as its owner's fault, with instance, file and line.
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
"""Most seconds to wait for a commit; a peer waits 600 s for the answer to the end of data (RFC 5321
§4.5.3.2.6)."""


class OwnedDeposit:
    """A deposit together with the instance that is responsible for it.

    Attributes:
        callee: the store or queue that prepared it, as the host calls it.
        is_busy: whether its owner's code is running.
    """

    __slots__ = ("_deposit", "_supervision", "callee", "is_busy")

    def __init__(self, deposit: Deposit, callee: Callee, supervision: Supervision) -> None:
        self._deposit = deposit
        self._supervision = supervision
        self.callee = callee
        self.is_busy = False

    @property
    def is_own(self) -> bool:
        """Whether its owner stores it without the commit log."""
        try:
            return not self._deposit.changes
        except Exception:  # noqa: BLE001 - `changes` reports it
            return True

    @property
    def changes(self) -> Sequence[Change]:
        """See `Deposit`. Raises Unanswered if they are not a sequence of changes."""
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
        """See `Deposit`. An error is only reported."""
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
        """What the caller is to raise after the owner's code has raised."""
        return self._supervision.judge(self.callee, error)


class FateUnknown(Unanswered):
    """A commit is late and goes on.

    Attributes:
        fate: will say what has become of it.
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
        Unanswered: its owner has raised an error, or has returned something else.
        StorageError, TemporaryFailure: its owner cannot prepare it.
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
    """Make all deposits durable; or abort all of them and raise. Only `StorageFull` may say that a
    part of them was done.

    Args:
        log: the worker's commit log.
        deposits: the deposits of one transaction.
        supervision: how their owners are called.
        identifier: the transaction's id.

    Cancellation: if all deposits use the log, as of `CommitLog.commit`: a commit that has not begun
    is not done, and one that has begun is finished first. Once a store that does not use the log
    has begun, everything is finished, but the caller does not wait for it.

    Raises:
        FateUnknown: an owner has not answered within `COMMIT_SECONDS`.
        Unanswered: an owner broke its contract, or is suspended.
        StorageError: nothing was done, except what `StorageFull` does not call missing.
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
        if not busy:  # the log itself was late; its commit is cancelled or finished
            raise StorageTrouble(f"no commit within {overrun.seconds:.3g} s") from None
        raise FateUnknown(supervision.missed(busy[0], overrun.seconds), fate) from None
    except CallsExhausted as error:
        raise StorageTrouble(f"{owner.instance}: {error}") from None


def is_missing(deposit: Deposit, error: BaseException) -> bool:
    """Whether a commit that was done only in part has left this deposit out."""
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
    """Make everything durable; returns the deposits whose `commit` is still to be called."""
    logged: list[OwnedDeposit] = []
    changes: list[Change] = []
    for deposit in deposits:
        await deposit.place()
        own = deposit.changes
        if own:
            logged.append(deposit)
            changes.extend(own)
        else:
            scope.shield = True  # from here on everything is finished, even if the caller leaves
            await deposit.commit()
    if changes:
        try:
            await log.commit(changes)
        except StorageError:
            raise
        except Exception as error:  # raised by a change
            raise logged[0].judge(error) from error
    return logged


async def _end(logged: Sequence[OwnedDeposit]) -> None:
    """Let deposits do the rest, since their changes are durable; an error is only reported."""
    for deposit in logged:
        with suppress(TemporaryFailure, StorageError):
            await deposit.commit()


async def _abort(deposits: Sequence[OwnedDeposit], error: BaseException) -> None:
    partly = isinstance(error, StorageFull) and bool(error.missing)
    for deposit in deposits:
        with suppress(TemporaryFailure, StorageError):
            if partly and deposit.is_own:
                continue  # it was committed before the log
            if partly and not is_missing(deposit, error):
                await deposit.commit()
            else:
                await deposit.abort()


def _is_deposit(prepared: object) -> TypeGuard[Deposit]:
    return all(callable(getattr(prepared, name, None)) for name in ("place", "commit", "abort"))
