"""Writes the operator's log to standard error: whole lines, without waiting for the reader.

Rules of this file: standard library only, because the supervisor uses it, too.
1. A line is one write, because all processes of a site have the same standard error.
2. A reader that is too slow (a full pipe, a stopped terminal, a busy journald) holds up no login,
   no message and no worker: lines wait in a backlog, and when that is full they are lost. The log
   then says how many.
3. A stream without a descriptor (a test's own) gets the text as it is.
"""

from __future__ import annotations

import json
import os
import socket
import stat
import sys
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from typing import Final, TextIO

BACKLOG_OCTETS: Final = 1 << 20
"""Largest backlog of one process: some thousand lines, so that a pause of the reader loses none."""
LOST_EVENT: Final = "diagnostics.lines_lost"

Put = Callable[[bytes], int]
"""Writes what can be written without a wait, and returns how many octets that was."""


class LogStream:
    """Takes lines; what waits is written with the next line, or by `flush`."""

    def __init__(self, text: TextIO) -> None:
        self.text = text
        self._owned = ExitStack()
        self._put = _put_to(text, self._owned)
        self._clear()

    def close(self) -> None:
        """Give back the descriptors of its own."""
        self._owned.close()

    def _clear(self) -> None:
        self._backlog: deque[bytes] = deque()
        self._backlog_octets = self._lost = 0

    def write(self, text: str) -> None:
        """Write a line, or let it wait. Never raises."""
        octets = text.encode(errors="backslashreplace")
        if self._backlog_octets + len(octets) > BACKLOG_OCTETS:
            self._lost += 1
        else:
            self._backlog.append(octets)
            self._backlog_octets += len(octets)
        self.flush()

    def flush(self) -> None:
        """Write what waits, as far as the reader takes it. Never raises."""
        while self._backlog:
            first = self._backlog.popleft()
            try:
                written = self._put(first)
            except BlockingIOError:
                written = 0
            except (OSError, ValueError):  # a full disk, or a reader that is gone
                written = len(first)
            self._backlog_octets -= written
            if written < len(first):
                self._backlog.appendleft(first[written:])
                return
            if self._lost and not self._backlog:
                self._backlog.append(_lost_line(self._lost))
                self._backlog_octets += len(self._backlog[0])
                self._lost = 0


_streams: list[LogStream] = []
"""The one stream of this process; another one when `sys.stderr` has become another object."""


def standard_error() -> LogStream:
    """The stream of this process."""
    if not _streams or _streams[0].text is not sys.stderr:
        for before in _streams:
            before.close()
        _streams[:] = [LogStream(sys.stderr)]
    return _streams[0]


def _forget_backlog() -> None:
    """In a forked process: what waits is written by its parent."""
    for stream in _streams:
        stream._clear()  # noqa: SLF001 - the same file


os.register_at_fork(after_in_child=_forget_backlog)


def timestamp() -> str:
    """Now, as the log's lines have it: UTC, with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _lost_line(count: int) -> bytes:
    line = {"timestamp": timestamp(), "level": "error", "event": LOST_EVENT, "lines": count}
    return json.dumps(line).encode() + b"\n"


def _put_to(text: TextIO, owned: ExitStack) -> Put:
    """How to write to a stream without a wait. The descriptor itself stays blocking, for it is also
    that of other programs (the shell that started us, say)."""

    def put_text(octets: bytes) -> int:
        text.write(octets.decode(errors="replace"))
        text.flush()
        return len(octets)

    try:
        fd = text.fileno()
        mode = os.fstat(fd).st_mode
    except (OSError, ValueError, AttributeError):
        return put_text
    if stat.S_ISSOCK(mode):
        connected = owned.enter_context(socket.socket(fileno=os.dup(fd)))
        return lambda octets: connected.send(octets, socket.MSG_DONTWAIT)
    if stat.S_ISFIFO(mode) or os.isatty(fd):
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        with suppress(OSError):  # a terminal of another account, say: writing to it may wait
            fd = os.open(f"/proc/self/fd/{fd}", flags)
            owned.callback(os.close, fd)
    return lambda octets: os.write(fd, octets)
