"""Notices between workers: one unix datagram socket per worker, in a directory of the instance.

Rules of this file:
1. The directory is the register: beside a worker's socket there is a link to it for each topic
   that somebody subscribes to there, and a publisher sends to those. A socket without a process
   behind it (a killed worker's) is removed, with its links, by whoever meets it, and every start
   looks for such.
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
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from zlib import crc32

import trio
from thurn_kit.notices import NoticeHub

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

_SOCKET: Final = ".sock"
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
        """The name that it got: a process may have several, and a dead one had the same number."""
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
        """Tell everybody, this worker included."""
        self._hub.publish(topic, value)
        if self._socket is None:
            return
        datagram = _encode(topic, value)
        if datagram is None:
            return
        for name in self._subscribed(topic):
            if self._send(name, datagram):
                self._late.pop((name, topic), None)  # an older value must not come after this one
            else:
                self._keep(name, topic, value)

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncIterator[trio.MemoryReceiveChannel[int]]:
        """A channel of values published under this topic; it holds the newest when full."""
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
        """The sockets of others with a link for the topic; read again when it may have changed."""
        try:
            changed_ns = os.fstat(self._descriptor).st_mtime_ns
            if changed_ns != self._listed_ns:
                self._listed = {}
                for entry in os.listdir(self._descriptor):  # noqa: PTH208 - of a descriptor
                    owner, _, mark = entry.rpartition(".")
                    name = owner + _SOCKET
                    if name not in (entry, self._name):
                        self._listed.setdefault(mark, []).append(name)
                # A file system's clock ticks slowly: what has just changed may change again unseen.
                is_young = abs(time.time_ns() - changed_ns) < YOUNG_NS
                self._listed_ns = -1 if is_young else changed_ns
        except OSError:
            return []
        return self._listed.get(_mark(topic), [])

    def _own(self, mark: str) -> str:
        return f"{self._name.removesuffix(_SOCKET)}.{mark}"

    def _link(self, mark: str) -> None:
        """Say that somebody here subscribes; where that fails (a full disk), again later."""
        self._unlinked.discard(mark)
        try:
            if self._socket is not None:
                os.symlink(self._name, self._own(mark), dir_fd=self._descriptor)
        except FileExistsError:  # a dead one's of the same name; it leads here
            pass
        except OSError:
            self._unlinked.add(mark)
            self._some_late.set()

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

    def _remove_dead(self) -> None:
        with contextlib.suppress(OSError):
            for entry in os.listdir(self._descriptor):  # noqa: PTH208 - of a descriptor
                if entry.endswith(_SOCKET) and entry != self._name:
                    self._send(entry, b"")

    def _remove(self, name: str) -> None:
        """A socket and its links."""
        self._unlink(name)
        owner = name.removesuffix(_SOCKET) + "."
        with contextlib.suppress(OSError):
            for entry in os.listdir(self._descriptor):  # noqa: PTH208 - of a descriptor
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
    """What stands for a topic in a link's name; who shares it hears both and tells them apart."""
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
