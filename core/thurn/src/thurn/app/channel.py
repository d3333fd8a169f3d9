"""How the processes communicate: lines of JSON over a socket pair, with file descriptors.

Rules of this file: standard library only. Messages are small and the other side reads them, so
sending blocks, except for `send_nowait`, which may lose the message (heartbeats).

    {"plan": {…}}, {"failed": [finding …]}             template -> supervisor
    {"forked": name, "pid": n}, {"exited": n, "status": wait status}
    {"sockets": {spec: count}, "fds": n}               supervisor -> template
    {"fork": name, "housekeeper": bool, "fds": 2}, {"signal": number, "pid": n}
    {"ready": true}, {"failed": [finding …]}           worker -> supervisor
    {"beat": true, "sessions": n}                      worker -> supervisor
    {"drain": seconds}                                 supervisor -> worker
    {"request": word, "number": n}                     housekeeper -> supervisor
    {"answer": n, …}                                   supervisor -> housekeeper
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

RECEIVE_OCTETS: Final = 65536
"""Most octets of one receive."""
LINE_MAXIMUM_OCTETS: Final = 1 << 20
"""Most octets of a message; the longest has the findings of a large configuration."""
DESCRIPTORS_MAXIMUM: Final = 253
"""Most descriptors of one receive: SCM_MAX_FD of Linux."""

Message: TypeAlias = dict[str, Any]


class Channel:
    """One end of a channel. When it is closed, the other side notices that this process has
    gone."""

    __slots__ = ("_end", "_fds", "_rest")

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._rest = b""
        self._fds = array.array("i")

    def fileno(self) -> int:
        """The descriptor, for `select`."""
        return self._end.fileno()

    def send(self, message: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
        """Send a message and copies of descriptors. If the receiver has gone, nothing happens here:
        `receive` notices it."""
        line = json.dumps({**message, "fds": len(fds)}).encode() + b"\n"
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sent = socket.send_fds(self._end, [line], list(fds)) if fds else 0
            self._end.sendall(line[sent:])

    def try_send(self, message: Mapping[str, Any]) -> bool:
        """Send a message without waiting. False if not all of it could be sent, because the
        receiver does not read; nothing can be sent any more then."""
        line = json.dumps(message, default=str).encode() + b"\n"
        try:
            sent = self._end.send(line, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:
            return False
        return sent == len(line)

    def send_nowait(self, message: Mapping[str, Any]) -> None:
        """Send a short message, or lose it if the receiver does not read fast enough."""
        with contextlib.suppress(OSError):
            self._end.send(json.dumps(message).encode() + b"\n", socket.MSG_DONTWAIT)

    def receive(self) -> list[Message] | None:
        """The messages that have arrived, without waiting. None if the other side has gone, or has
        sent what is not a message: the supervisor must not fail with a worker.

        "fds" of a message is the list of its descriptors; the receiver closes them.
        """
        # socket.recv_fds cannot be used, because it ignores its flags.
        room = socket.CMSG_LEN(DESCRIPTORS_MAXIMUM * self._fds.itemsize)
        try:
            octets, ancillary, _, _ = self._end.recvmsg(RECEIVE_OCTETS, room, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError:
            return None
        fds = array.array("i")
        for level, kind, sent in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(sent[: len(sent) - len(sent) % fds.itemsize])
        for fd in fds:
            os.set_inheritable(fd, False)
        self._fds += fds
        *lines, self._rest = (self._rest + octets).split(b"\n")
        if not octets or len(self._rest) > LINE_MAXIMUM_OCTETS:
            return None
        try:
            return [self._opened(json.loads(line)) for line in lines]
        except (ValueError, TypeError, AttributeError, RecursionError):
            return None

    def _opened(self, message: Message) -> Message:
        count = message.get("fds", 0)
        message["fds"], self._fds = self._fds[:count].tolist(), self._fds[count:]
        return message

    def close(self) -> None:
        """Close this end. Idempotent."""
        self._end.close()


def channel_pair() -> tuple[Channel, socket.socket]:
    """A new channel: this process's end, and the socket for the other process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    return Channel(ours), theirs
