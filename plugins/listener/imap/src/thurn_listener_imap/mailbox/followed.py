"""Wakes sessions in IDLE: one task for each mailbox that sessions wait for, however many they are.

Rules of this file: a waiting session costs a cancel scope and an entry here, not a task. A session
that is woken looks at the mailbox itself; there may be nothing new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import trio
from thurn.plugin import Diagnostics, Mailbox, MailboxNotFound

RETRY_SECONDS: Final = 5.0
"""Pause before sessions look again after a failure of the store."""

Key: TypeAlias = tuple[str, str]
"""Account and mailbox id."""


@dataclass(frozen=True, slots=True, eq=False)
class Waiter:
    """A session that waits: for which mailbox, what it has seen, what is cancelled to wake it."""

    key: Key
    seen_modseq: int
    scope: trio.CancelScope


@dataclass(slots=True, eq=False)
class _Followed:
    """A mailbox that sessions wait for; all of them have seen `since`."""

    mailbox: Mailbox
    since: int
    waiters: set[Waiter]
    scope: trio.CancelScope


class FollowedMailboxes:
    """The mailboxes of a worker that sessions of one listener wait for.

    Args:
        nursery: where its tasks live.
        diagnostics: for failures.
    """

    __slots__ = ("_diagnostics", "_followed", "_nursery")

    def __init__(self, nursery: trio.Nursery, diagnostics: Diagnostics) -> None:
        self._nursery = nursery
        self._diagnostics = diagnostics
        self._followed: dict[Key, _Followed] = {}

    def add(self, mailbox: Mailbox, waiter: Waiter) -> None:
        """Until `remove`, wake it when the mailbox may have passed what it has seen."""
        key = waiter.key
        followed = self._followed.get(key)
        if followed is None:
            followed = _Followed(mailbox, waiter.seen_modseq, set(), trio.CancelScope())
            self._followed[key] = followed
            self._nursery.start_soon(self._follow, key, followed)
        followed.waiters.add(waiter)
        if waiter.seen_modseq < followed.since:
            # Something happened while this session was telling what it knew.
            waiter.scope.cancel()

    def remove(self, waiter: Waiter) -> None:
        """Wake it no more."""
        followed = self._followed.get(waiter.key)
        if followed is None:
            return
        followed.waiters.discard(waiter)
        if not followed.waiters:
            followed.scope.cancel()
            self._drop(waiter.key, followed)

    async def _follow(self, key: Key, followed: _Followed) -> None:
        """Wait for one change and wake everybody; those who go on waiting come again."""
        with followed.scope:
            try:
                await followed.mailbox.wait_changed(followed.since)
            except MailboxNotFound:
                pass  # each session finds out when it looks
            except Exception as error:  # noqa: BLE001 - each session gets the error when it looks
                self._diagnostics.warning("idle.not_watched", failure=repr(error))
                await trio.sleep(RETRY_SECONDS)
        self._drop(key, followed)
        for waiter in tuple(followed.waiters):
            waiter.scope.cancel()

    def _drop(self, key: Key, followed: _Followed) -> None:
        if self._followed.get(key) is followed:
            del self._followed[key]
