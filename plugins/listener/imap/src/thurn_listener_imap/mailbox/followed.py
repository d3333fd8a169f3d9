"""Wakes sessions in IDLE: one task per mailbox that somebody waits for, however many do.

Rules of this file: a session that waits costs a cancel scope and an entry here, no task. What is
told is only that there may be something to look at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import trio
from thurn.plugin import Diagnostics, Mailbox, MailboxNotFound

RETRY_SECONDS: Final = 5.0
"""After the store could not be asked."""

Key: TypeAlias = tuple[str, str]
"""Account and mailbox id."""


@dataclass(frozen=True, slots=True, eq=False)
class Waiter:
    """A session in IDLE: for what it waits, what it has seen, what is cancelled to wake it."""

    key: Key
    seen_modseq: int
    scope: trio.CancelScope


@dataclass(slots=True, eq=False)
class _Watched:
    mailbox: Mailbox
    since: int
    waiters: set[Waiter]
    scope: trio.CancelScope


class Watch:
    """All mailboxes of a worker that sessions of one listener wait for.

    Args:
        nursery: where its tasks live.
        diagnostics: for what goes wrong.
    """

    __slots__ = ("_diagnostics", "_nursery", "_watched")

    def __init__(self, nursery: trio.Nursery, diagnostics: Diagnostics) -> None:
        self._nursery = nursery
        self._diagnostics = diagnostics
        self._watched: dict[Key, _Watched] = {}

    def add(self, mailbox: Mailbox, waiter: Waiter) -> None:
        """Until `forget`, wake it when the mailbox may have passed what it has seen."""
        key = waiter.key
        watched = self._watched.get(key)
        if watched is None:
            watched = _Watched(mailbox, waiter.seen_modseq, set(), trio.CancelScope())
            self._watched[key] = watched
            self._nursery.start_soon(self._follow, key, watched)
        watched.waiters.add(waiter)
        if waiter.seen_modseq < watched.since:
            # Something happened while this session was telling what it knew.
            waiter.scope.cancel()

    def forget(self, waiter: Waiter) -> None:
        """Wake it no more."""
        watched = self._watched.get(waiter.key)
        if watched is None:
            return
        watched.waiters.discard(waiter)
        if not watched.waiters:
            watched.scope.cancel()
            self._forget(waiter.key, watched)

    async def _follow(self, key: Key, watched: _Watched) -> None:
        """Wait for one change and wake everybody; those who go on waiting come again."""
        with watched.scope:
            try:
                await watched.mailbox.wait_changed(watched.since)
            except MailboxNotFound:
                pass  # the sessions find out
            except Exception as error:  # noqa: BLE001 - the sessions look for themselves
                self._diagnostics.warning("idle.not_watched", failure=repr(error))
                await trio.sleep(RETRY_SECONDS)
        self._forget(key, watched)
        for waiter in tuple(watched.waiters):
            waiter.scope.cancel()

    def _forget(self, key: Key, watched: _Watched) -> None:
        if self._watched.get(key) is watched:
            del self._watched[key]
