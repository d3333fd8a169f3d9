"""Notices between workers: one unix datagram socket per worker, in a directory of the instance.

Rules of this file:
1. A publisher sends to every socket that is there; nobody registers anywhere. One without a
   process behind it (a killed worker's) is removed by whoever meets it.
2. Nobody waits for a worker that does not read: what does not fit is kept, the newest value per
   topic, and sent a little later. Past a bound it is lost, as hints may be.
3. A path longer than a socket's address may be is reached through the directory's descriptor.
4. Datagrams are 8 octets of value and the topic; what is anything else is passed over.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import trio
from thurn.telemetry.hub import NoticeHub

TOPIC_OCTETS: Final = 2_048
"""A longer one is heard in this worker only."""
ADDRESS_OCTETS: Final = 107
"""Of a unix socket's path on Linux, its NUL not counted."""
LATE_NOTICES: Final = 10_000
"""Kept for workers that do not read; about a megabyte."""
FIRST_WAIT_SECONDS: Final = 0.005
LONGEST_WAIT_SECONDS: Final = 1.0
READ_AT_ONCE: Final = 100
YOUNG_NS: Final = 100_000_000
"""More than the granularity of any file system's times here (10 ms), with room."""

_VALUE: Final = struct.Struct("!q")
_SMALLEST: Final = -(2**63)
_LARGEST: Final = 2**63 - 1


class SocketNotices:
    """See `thurn.contracts.state.Notices`; `with` opens and removes the socket."""

    def __init__(self, directory: Path, hub: NoticeHub) -> None:
        self._directory = directory
        self._hub = hub
        self._name = ""
        self._descriptor = -1
        self._listed: list[str] = []
        self._listed_ns = -1
        self._socket: socket.socket | None = None
        self._late: dict[tuple[str, str], int] = {}
        self._some_late = trio.Event()

    def __enter__(self) -> SocketNotices:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        opened.setblocking(False)
        self._socket = opened
        try:
            self._name = self._bind(opened)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove(self._name)
        self._close()

    def _bind(self, opened: socket.socket) -> str:
        """The name that it got: a process may have several, and a dead one had the same number."""
        number = 0
        while True:
            name = f"{os.getpid()}-{number}.sock"
            try:
                opened.bind(self._address(name))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return name
            number += 1

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
            os.close(self._descriptor)

    def publish(self, topic: str, value: int = 0) -> None:
        """Tell everybody, this worker included."""
        self._hub.publish(topic, value)
        if self._socket is None:
            return
        datagram = _encode(topic, value)
        if datagram is None:
            return
        for name in self._others():
            if self._send(name, datagram):
                self._late.pop((name, topic), None)  # an older value must not come after this one
            else:
                self._keep(name, topic, value)

    def subscribe(self, topic: str) -> AbstractAsyncContextManager[trio.MemoryReceiveChannel[int]]:
        """A channel of values published under this topic; it holds the newest when full."""
        return self._hub.subscribe(topic)

    async def receive_always(self) -> None:
        """Pass on what other workers publish."""
        opened = self._socket
        if opened is None:
            raise trio.ClosedResourceError("the notices are not open")
        while True:
            await trio.lowlevel.wait_readable(opened)
            for datagram in _waiting(opened):
                decoded = _decode(datagram)
                if decoded is not None:
                    self._hub.publish(*decoded)

    async def send_late_always(self) -> None:
        """Send again what did not fit, in growing intervals until it does."""
        wait = FIRST_WAIT_SECONDS
        while True:
            if not self._late:
                wait = FIRST_WAIT_SECONDS
                self._some_late = trio.Event()
                await self._some_late.wait()
            await trio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)
            self._send_late()

    def _send_late(self) -> None:
        full: set[str] = set()
        for (name, topic), value in [*self._late.items()]:
            datagram = _encode(topic, value)
            if name in full or datagram is None:
                continue
            if self._send(name, datagram):
                del self._late[name, topic]
            else:
                full.add(name)

    def _keep(self, name: str, topic: str, value: int) -> None:
        if len(self._late) < LATE_NOTICES or (name, topic) in self._late:
            self._late[name, topic] = value
            self._some_late.set()

    def _others(self) -> list[str]:
        """Whose sockets stand in the directory; read again when it may have changed."""
        try:
            changed_ns = os.fstat(self._descriptor).st_mtime_ns
            if changed_ns != self._listed_ns:
                names = os.listdir(self._descriptor)  # noqa: PTH208 - of a descriptor
                self._listed = [n for n in names if n != self._name and n.endswith(".sock")]
                # A file system's clock ticks slowly: what has just changed may change again unseen.
                is_young = abs(time.time_ns() - changed_ns) < YOUNG_NS
                self._listed_ns = -1 if is_young else changed_ns
        except OSError:
            return []
        return self._listed

    def _send(self, name: str, datagram: bytes) -> bool:
        """Whether this notice needs no further care."""
        if self._socket is None:
            return True
        try:
            self._socket.sendto(datagram, self._address(name))
        except BlockingIOError:
            return False
        except ConnectionRefusedError:  # its process is no more
            self._remove(name)
        except OSError:  # gone meanwhile, or trouble of the other side
            return True
        return True

    def _remove(self, name: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=self._descriptor)

    def _address(self, name: str) -> str:
        direct = f"{self._directory}/{name}"
        if len(os.fsencode(direct)) <= ADDRESS_OCTETS:
            return direct
        return f"/proc/self/fd/{self._descriptor}/{name}"


def _waiting(opened: socket.socket) -> list[bytes]:
    datagrams: list[bytes] = []
    while len(datagrams) < READ_AT_ONCE:
        try:
            datagrams.append(opened.recv(_VALUE.size + TOPIC_OCTETS + 1))
        except BlockingIOError:
            break
    return datagrams


def _encode(topic: str, value: int) -> bytes | None:
    octets = topic.encode("utf-8", "surrogatepass")
    if len(octets) > TOPIC_OCTETS:
        return None
    return _VALUE.pack(max(_SMALLEST, min(value, _LARGEST))) + octets


def _decode(datagram: bytes) -> tuple[str, int] | None:
    if not _VALUE.size <= len(datagram) <= _VALUE.size + TOPIC_OCTETS:
        return None
    try:
        topic = datagram[_VALUE.size :].decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None
    (value,) = _VALUE.unpack_from(datagram)
    return topic, int(value)
