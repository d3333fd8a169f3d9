"""The journal: one line per transaction, which the host writes once, when the transaction ends.

A line is JSON; the keys are documented in `docs/reference/journal.md`. The lines of a day are in
`<data>/journal/YYYY-MM-DD.jsonl` (UTC). Every worker appends whole lines to the same file, without
a sync: the journal explains what happened, and mail is not recovered from it.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from thurn.contracts.clock import Clock
from thurn.telemetry.ids import time_of

DETAIL_CHARACTERS: Final = 500
"""Most characters of a text from a plugin or a peer in one stage of the journal, so that one call
cannot fill the disk."""
STAGES_PER_TRANSACTION: Final = 5_000
"""Most stages that are kept of one transaction: a thousand recipients by five rules; later ones are
left out, so that a line stays readable."""

_encode = msgspec.json.Encoder().encode


class JournalRecord:
    """The journal's entry of one transaction (`thurn.types.session.JournalEntry`)."""

    __slots__ = ("_started", "facts", "stages")

    def __init__(self, started: float, **facts: object) -> None:
        self._started = started
        self.facts: dict[str, object] = facts
        self.stages: list[dict[str, object]] = []

    def note(self, **facts: object) -> None:
        """Add facts of the transaction as a whole."""
        self.facts.update(facts)

    def stage(self, stage: str, instance: str, decision: str, **facts: object) -> None:
        """Add what one rule decided. Empty facts are left out."""
        if len(self.stages) < STAGES_PER_TRANSACTION:
            line: dict[str, object] = {"stage": stage, "by": instance, "decision": decision}
            for key, value in facts.items():
                if value:
                    line[key] = value[:DETAIL_CHARACTERS] if isinstance(value, str) else value
            self.stages.append(line)

    @property
    def reason(self) -> str:
        """The stable word of what decided: the transaction's, else that of its last stage."""
        own = self.facts.get("reason")
        reasons = (stage["reason"] for stage in reversed(self.stages) if "reason" in stage)
        return str(own or next(reasons, ""))

    def finish(self, now: float) -> dict[str, object]:
        """The whole record, as it is written."""
        facts = self.facts
        facts["duration_ms"] = round((now - self._started) * 1000, 3)
        if self.stages:
            facts["stages"] = self.stages
        return facts


class Journal:
    """Writes the lines of one worker."""

    __slots__ = ("_clock", "_day", "_directory", "_fd")

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        self._day = -1
        self._fd = -1

    def begin(self, identifier: str, **facts: object) -> JournalRecord:
        """A new entry that begins now."""
        now = self._clock.wall()
        return JournalRecord(self._clock.monotonic(), id=identifier, time=round(now, 3), **facts)

    def write(self, entry: JournalRecord) -> None:
        """Append the entry's line. Never raises: a full disk must not fail a transaction."""
        try:
            line = _encode(entry.finish(self._clock.monotonic())) + b"\n"
            now = self._clock.wall()
            day = int(now // 86400)
            if day != self._day:
                self._open(day)
            if os.write(self._fd, line) < len(line):
                self.close()  # the disk is full; `_open` ends the line that was cut
        except (OSError, TypeError, ValueError):
            return

    def _open(self, day: int) -> None:
        self.close()
        self._directory.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._fd = os.open(self._directory / _file_name(day), flags, 0o600)
        self._day = day
        size_octets = os.fstat(self._fd).st_size
        if size_octets and os.pread(self._fd, 1, size_octets - 1) != b"\n":
            os.write(self._fd, b"\n")  # ends a line that was cut because the disk was full

    def close(self) -> None:
        """Close the file; the next line opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._day = -1, -1


def _file_name(day: int) -> str:
    return time.strftime("%Y-%m-%d.jsonl", time.gmtime(day * 86400))


def find(directory: Path, identifier: str) -> dict[str, Any] | None:
    """The record of a transaction, or None. Reads the files of the id's day and the next."""
    when = time_of(identifier)
    if when is None:
        return None
    wanted = f'"id":"{identifier}"'.encode()
    for day in (int(when // 86400), int(when // 86400) + 1):
        for line in _lines(directory / _file_name(day)):
            if wanted in line and (record := _decode(line)) is not None:
                return record
    return None


def latest(directory: Path, count: int) -> list[dict[str, Any]]:
    """The newest records, oldest first."""
    newest: list[bytes] = []
    for path in sorted(directory.glob("*.jsonl"), reverse=True):
        newest = list(_lines(path))[-(count - len(newest)) :] + newest
        if len(newest) >= count:
            break
    records = map(_decode, newest)
    return [record for record in records if record is not None]


def search(
    directory: Path, matches: Callable[[dict[str, Any]], bool], count: int, since: float = 0.0
) -> list[dict[str, Any]]:
    """The newest records that match, oldest first.

    Args:
        directory: the journal's directory.
        matches: whether a record is wanted.
        count: most records; no more are kept in memory.
        since: POSIX seconds; the files of days before it are not read.
    """
    oldest = _file_name(int(since // 86400))
    newest: list[dict[str, Any]] = []
    for path in sorted(directory.glob("*.jsonl"), reverse=True):
        if path.name < oldest or len(newest) >= count:
            break
        records = (record for line in _lines(path) if (record := _decode(line)) is not None)
        wanted = (r for r in records if r.get("time", 0) >= since and matches(r))
        newest = [*deque(wanted, maxlen=count - len(newest)), *newest]
    return newest


def _decode(line: bytes) -> dict[str, Any] | None:
    """The record in a line; None if the line was cut because the disk was full."""
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return None


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as lines:
            yield from (line for line in lines if line.endswith(b"\n"))
    except FileNotFoundError:
        return


def retire(directory: Path, now: float, retention_seconds: float) -> list[str]:
    """Remove the files of days that are older than the retention; returns their names. A file that
    cannot be removed is left, and the next call tries again."""
    limit = datetime.fromtimestamp(now, UTC) - timedelta(seconds=retention_seconds, days=1)
    oldest = limit.strftime("%Y-%m-%d.jsonl")
    old = [path for path in directory.glob("*.jsonl") if path.name < oldest]
    for path in old:
        with suppress(OSError):
            path.unlink()
    return [path.name for path in old if not path.exists()]
