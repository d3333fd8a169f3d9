"""Commits the deposits of one transaction, all of them, before the reply.

Rules of this file:
1. Deposits that go through the commit log are one frame and one sync, together with whatever else
   has arrived meanwhile.
2. Engines with a durability of their own commit first. If the log then fails, the peer tries again
   and such an engine has the message twice; it is never lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import trio

from thurn.contracts.commitlog import Change, CommitLog
from thurn.contracts.store import Deposit
from thurn.types.errors import StorageFull

COMMIT_SECONDS: Final = 120.0
"""The longest time of a shielded commit; a peer waits 600 s for the end of data (RFC 5321
§4.5.3.2.6)."""


async def commit_all(log: CommitLog, deposits: Sequence[Deposit]) -> None:
    """Make all deposits durable, or raise and abort all but those that `StorageFull` says are done.

    Cancellation: if all go through the log, as the log's own: what has not begun does not happen,
    and what has begun is finished. Others are shielded, for `COMMIT_SECONDS` at most.

    Raises:
        TooSlowError: the bound has passed, and what has become of the deposits is not known: a
            temporary failure.
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
                    continue  # its engine has a durability of its own and has committed first
                if partly and not is_missing(deposit, error):
                    await deposit.commit()
                else:
                    await deposit.abort()
        raise


def is_missing(deposit: Deposit, error: BaseException) -> bool:
    """Whether a commit that was done in part lacks this deposit."""
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
    with trio.fail_after(
        COMMIT_SECONDS, shield=True
    ):  # it is durable: no cancellation stops it now
        for deposit in logged:
            await deposit.commit()
