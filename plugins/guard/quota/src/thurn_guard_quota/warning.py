"""Warns an account that its quota is nearly used up: an event, a line of the log, and a message.

Rules of this file:
1. A level is reported when a stored message takes the usage over it, and once a day at most for
   each account, resource and level, whatever is deleted and comes again.
2. The message is sent after the commit, in a task of its own; that it fails changes nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import trio
from thurn.plugin import (
    AccountRecord,
    ConfigError,
    Content,
    Context,
    Envelope,
    Quota,
    QuotaLevelReached,
    Recipient,
    ThurnError,
)

from thurn_guard_quota.hold import Room

DAY_SECONDS: Final = 86_400.0
"""How long the same level of an account is not reported again."""
WAITING_WARNINGS: Final = 100
"""Most warnings that wait to be sent; what exceeds it is only logged."""


class Warnings:
    """What reports levels; `run` sends the messages."""

    def __init__(self, context: Context, levels: Sequence[int]) -> None:
        self._context = context
        self._levels = sorted(levels)
        self._send, self._receive = trio.open_memory_channel[tuple[AccountRecord, Quota, int]](
            WAITING_WARNINGS
        )

    def look(self, record: AccountRecord, before: Sequence[Quota], room: Room) -> None:
        """Report the highest level that these messages have reached. Never blocks, never raises."""
        for quota in before:
            level = self._crossed(quota, room.get(quota.resource, 0))
            if level is None:
                continue
            try:
                self._send.send_nowait((record, quota, level))
            except trio.WouldBlock:
                self._context.diagnostics.warning("quota.warnings_lost", account=record.account)

    def _crossed(self, quota: Quota, added: int) -> int | None:
        if not quota.limit:
            return None
        after = quota.usage + added
        reached = [
            level
            for level in self._levels
            if quota.usage * 100 < level * quota.limit <= after * 100
        ]
        return reached[-1] if reached else None

    async def run(self) -> None:
        """Report what `look` has seen, one after another."""
        async for record, quota, level in self._receive:
            if not await self._is_first(record, quota, level):
                continue
            self._context.diagnostics.warning(
                "quota.level_reached",
                account=record.account,
                resource=quota.resource,
                percent=level,
            )
            self._context.events.emit(QuotaLevelReached(record.account, quota.resource, level))
            await self._mail(record, quota, level)

    async def _is_first(self, record: AccountRecord, quota: Quota, level: int) -> bool:
        """Whether the level was not reported in the last day. Without shared state it never was."""
        key = f"{quota.resource} {level} {record.account}"[:500]
        try:
            table = self._context.state.table("quota.warned")
            return await table.add(key, b"", lifetime_seconds=DAY_SECONDS)
        except (ConfigError, ThurnError, ValueError):
            return True

    async def _mail(self, record: AccountRecord, quota: Quota, level: int) -> None:
        """Send the warning to the account's own address, if it has one."""
        if record.address is None:
            return
        envelope = Envelope(None, (Recipient(record.address),))
        content = Content.of(warning_text(self._context.hostname, record, quota, level))
        try:
            await self._context.submit(envelope, content)
        except Exception as error:  # noqa: BLE001 - a warning that fails harms nobody
            self._context.diagnostics.warning(
                "quota.warning_failed", account=record.account, failure=repr(error)
            )


_WHAT: Final = {"STORAGE": "space", "MESSAGE": "number of messages", "MAILBOX": "mailboxes"}


def warning_text(hostname: str, record: AccountRecord, quota: Quota, level: int) -> bytes:
    """The message. RFC 3834 §5 (Auto-Submitted)."""
    lines = [
        f"From: Mailbox quota <postmaster@{hostname}>",
        f"To: <{record.address}>",
        f"Subject: Your mailbox is {level} % full",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "",
        f"More than {level} % of the {_WHAT[quota.resource]} of your mailbox is used.",
        "When it is full, new mail is not accepted any more.",
        "Delete what you do not need, and empty the trash.",
        "",
    ]
    return "\r\n".join(lines).encode()
