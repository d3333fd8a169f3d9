"""Notices between workers: one unix datagram socket per worker, in a directory of the instance.

Rules of this file:
1. The directory is the register of subscribers: for each topic with a subscriber in a worker, there
   is a link to that worker's socket, and a publisher sends to those sockets. If a socket's process
   no longer exists, the next worker that sends to it removes it with its links, and so does every
   start.
2. Nobody waits for a worker that does not read: the newest value of each topic is kept and sent a
   little later. Beyond a bound values are lost, as hints may be.
3. If the path of a socket is too long for an address, it is reached through the directory's
   descriptor.
4. A datagram is a value of 8 octets and the topic; other datagrams are ignored.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from zlib import crc32

import trio
from thurn_kit.notices import NoticeHub

TOPIC_OCTETS: Final = 2_048
"""Length in octets of a topic that is sent to other workers; a longer one stays in its worker."""
ADDRESS_OCTETS: Final = 107
"""Length in octets of a unix socket's path on Linux, without its NUL."""
LATE_NOTICES: Final = 10_000
"""Values that are kept for workers that do not read; about a megabyte."""
FIRST_WAIT_SECONDS: Final = 0.005
"""Seconds before kept values are sent again for the first time; each wait is twice as long."""
LONGEST_WAIT_SECONDS: Final = 1.0
"""The longest wait before kept values are sent again, in seconds."""
READ_AT_ONCE: Final = 100
"""Datagrams that are read before other tasks run."""
YOUNG_NS: Final = 100_000_000
"""Age of a directory's time in nanoseconds from which it can be trusted; file systems' clocks tick
every 10 ms or faster."""

_SOCKET: Final = ".sock"
_VALUE: Final = struct.Struct("!q")
_SMALLEST: Final = -(2**63)
_LARGEST: Final = 2**63 - 1


class SocketNotices:
    """The notices of one worker; `with` opens and removes its socket.

    See `thurn.contracts.state.Notices`.
    """

    def __init__(self, directory: Path, hub: NoticeHub) -> None:
        self._directory = directory
        self._hub = hub
        self._name = ""
        self._descriptor = -1
        self._listed: dict[str, list[str]] = {}
        self._listed_ns = -1
        self._marks: Counter[str] = Counter()
        self._unlinked: set[str] = set()
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
        self._remove_dead()
        return self

    def __exit__(self, *_: object) -> None:
        self._remove(self._name)
        self._close()

    def _bind(self, opened: socket.socket) -> str:
        """Bind the socket to a free name and return the name.

        A process may have several sockets, and an earlier one may have had the same process id.
        """
        number = 0
        while True:
            name = f"{os.getpid()}-{number}{_SOCKET}"
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
        """Send the value to all subscribers of the topic, those in this worker included."""
        self._hub.publish(topic, value)
        if self._socket is None:
            return
        datagram = _encode(topic, value)
        if datagram is None:
            return
        for name in self._subscribed(topic):
            if self._send(name, datagram):
                self._late.pop((name, topic), None)  # an older value must not arrive after this one
            else:
                self._keep(name, topic, value)

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[trio.MemoryReceiveChannel[int]]:
        """A channel with the newest value that was published under the topic."""
        mark = _mark(topic)
        async with self._hub.subscribe(topic) as channel:
            self._marks[mark] += 1
            if self._marks[mark] == 1:
                self._link(mark)
            try:
                yield channel
            finally:
                self._marks[mark] -= 1
                if not self._marks[mark]:
                    del self._marks[mark]
                    self._unlinked.discard(mark)
                    self._unlink(self._own(mark))

    async def receive_always(self) -> None:
        """Pass on the notices of other workers; runs as long as the instance is open."""
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
        """Send kept values again, in growing intervals; runs as long as the instance is open."""
        wait = FIRST_WAIT_SECONDS
        while True:
            if not self._late and not self._unlinked:
                wait = FIRST_WAIT_SECONDS
                self._some_late = trio.Event()
                await self._some_late.wait()
            await trio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)
            self._send_late()
            for mark in [*self._unlinked]:
                self._link(mark)

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

    def _subscribed(self, topic: str) -> list[str]:
        """The other workers' sockets with a link for the topic.

        The directory is read again only if it may have changed.
        """
        try:
            changed_ns = os.fstat(self._descriptor).st_mtime_ns
            if changed_ns != self._listed_ns:
                self._listed = {}
                for entry in os.listdir(self._descriptor):  # noqa: PTH208 - lists a descriptor
                    owner, _, mark = entry.rpartition(".")
                    name = owner + _SOCKET
                    if name not in (entry, self._name):
                        self._listed.setdefault(mark, []).append(name)
                # A file system's clock ticks slowly, so a second change in the same tick would not
                # be noticed.
                is_young = abs(time.time_ns() - changed_ns) < YOUNG_NS
                self._listed_ns = -1 if is_young else changed_ns
        except OSError:
            return []
        return self._listed.get(_mark(topic), [])

    def _own(self, mark: str) -> str:
        return f"{self._name.removesuffix(_SOCKET)}.{mark}"

    def _link(self, mark: str) -> None:
        """Make the link for a topic; if that fails (a full disk), it is tried again later."""
        self._unlinked.discard(mark)
        try:
            if self._socket is not None:
                os.symlink(self._name, self._own(mark), dir_fd=self._descriptor)
        except FileExistsError:  # left by a dead worker of the same name; it leads here
            pass
        except OSError:
            self._unlinked.add(mark)
            self._some_late.set()

    def _send(self, name: str, datagram: bytes) -> bool:
        """Send a datagram; False if it has to be sent again later."""
        if self._socket is None:
            return True
        try:
            self._socket.sendto(datagram, self._address(name))
        except BlockingIOError:
            return False
        except ConnectionRefusedError:  # its process no longer exists
            self._remove(name)
        except OSError:  # removed meanwhile, or a failure of the other side
            return True
        return True

    def _remove_dead(self) -> None:
        with contextlib.suppress(OSError):
            for entry in os.listdir(self._descriptor):  # noqa: PTH208 - lists a descriptor
                if entry.endswith(_SOCKET) and entry != self._name:
                    self._send(entry, b"")

    def _remove(self, name: str) -> None:
        """Remove a socket and its links."""
        self._unlink(name)
        owner = name.removesuffix(_SOCKET) + "."
        with contextlib.suppress(OSError):
            for entry in os.listdir(self._descriptor):  # noqa: PTH208 - lists a descriptor
                if entry.startswith(owner):
                    self._unlink(entry)

    def _unlink(self, entry: str) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                os.unlink(entry, dir_fd=self._descriptor)

    def _address(self, name: str) -> str:
        direct = f"{self._directory}/{name}"
        if len(os.fsencode(direct)) <= ADDRESS_OCTETS:
            return direct
        return f"/proc/self/fd/{self._descriptor}/{name}"


def _mark(topic: str) -> str:
    """The part of a link's name that stands for a topic.

    Workers get the notices of all topics with the same mark, and each passes on its own.
    """
    return f"{crc32(topic.encode('utf-8', 'surrogatepass')):08x}"


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
