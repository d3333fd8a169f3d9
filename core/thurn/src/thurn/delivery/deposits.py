"""Commits the deposits of one transaction: all of them, then the reply (design D6).

Deposits that go through the commit log are one frame and one sync, together with whatever else
arrived meanwhile. Engines with a durability of their own commit first: if the log then fails, the
peer comes again, and what such an engine has stored is there twice: never lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import trio

from thurn.contracts.commitlog import Change, CommitLog
from thurn.contracts.store import Deposit
from thurn.types.errors import StorageFull

COMMIT_SECONDS: Final = 120.0
"""The shielded commit's bound; a peer waits 600 s for the end of data (RFC 5321 §4.5.3.2.6)."""


async def commit_all(log: CommitLog, deposits: Sequence[Deposit]) -> None:
    """Make all deposits durable, or raise and abort all, but those that `StorageFull` calls done.

    Cancellation: where all go through the log, as its own: what is not begun has not happened,
    what is begun is ended. Others are shielded, for `COMMIT_SECONDS` at most (style §5).

    Raises:
        TooSlowError: the bound has passed; nobody knows what became of it: a temporary failure.
    """
    try:
        if all(deposit.changes for deposit in deposits):
            await _commit(log, deposits)
        else:
            with trio.fail_after(COMMIT_SECONDS, shield=True):
                await _commit(log, deposits)
    except BaseException as error:
        with trio.move_on_after(COMMIT_SECONDS, shield=True):
            partly = isinstance(error, StorageFull) and bool(error.missing)
            for deposit in deposits:
                if partly and not deposit.changes:
                    continue  # it has a durability of its own, and committed first
                if partly and not is_missing(deposit, error):
                    await deposit.commit()
                else:
                    await deposit.abort()
        raise


def is_missing(deposit: Deposit, error: BaseException) -> bool:
    """Whether a commit that was done in part lacks this one."""
    missing = error.missing if isinstance(error, StorageFull) else ()
    return any(change in missing for change in deposit.changes)


async def _commit(log: CommitLog, deposits: Sequence[Deposit]) -> None:
    logged: list[Deposit] = []
    changes: list[Change] = []
    for deposit in deposits:
        await deposit.place()
        own = deposit.changes
        if own:
            logged.append(deposit)
            changes.extend(own)
        else:
            await deposit.commit()
    if changes:
        await log.commit(changes)
    with trio.fail_after(COMMIT_SECONDS, shield=True):  # it is durable: not to be given up now
        for deposit in logged:
            await deposit.commit()
