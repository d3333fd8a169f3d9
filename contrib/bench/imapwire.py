"""A raw IMAP client that costs little: it reads, keeps what it read, and looks only at the end.

What an answer says is looked at after the clock has stopped. Answers end with the tagged line; a
tag is used once a connection. Any answer but OK ends the benchmark.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass

from servers import HOST, PASSWORD

RECEIVE_OCTETS = 1 << 18
TAIL_OCTETS = 8192  # more than any tagged line
TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A message and what APPEND says of it; ``flags`` and ``date`` as they stand in the command."""

    octets: bytes
    flags: str
    date: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with its tagged line, and how long it took from the command to the last octet."""

    octets: bytes
    seconds: float


def insecure_context() -> ssl.SSLContext:
    """TLS that takes the servers' self-signed certificates."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class ImapClient:
    """A connection, logged in as ``u<account>``."""

    def __init__(
        self,
        port: int,
        account: int,
        *,
        context: ssl.SSLContext | None = None,
        source: str | None = None,
    ) -> None:
        address = (source, 0) if source else None
        self.socket = socket.create_connection(
            (HOST, port), timeout=TIMEOUT_SECONDS, source_address=address
        )
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket)
        self._sent = 0
        self.line()
        self.ask(f"LOGIN u{account} {PASSWORD}")
        words = self.ask("CAPABILITY").decode().upper().split()
        self.capabilities = frozenset(words)

    def line(self) -> bytes:
        """What comes until a line end; only where the server says one line and waits."""
        octets = b""
        while not octets.endswith(b"\r\n"):
            if not (more := self.socket.recv(RECEIVE_OCTETS)):
                raise SystemExit("the IMAP server closed the connection")
            octets += more
        return octets

    def send(self, command: str) -> bytes:
        """Send a command without waiting; returns its tag with the space behind it."""
        self._sent += 1
        tag = b"T%06d " % self._sent
        self.socket.sendall(tag + command.encode() + b"\r\n")
        return tag

    def timed(self, command: str) -> Reply:
        """The whole answer, and its time."""
        start = time.perf_counter()
        octets = self._answer(self.send(command))
        return Reply(octets, time.perf_counter() - start)

    def ask(self, command: str) -> bytes:
        """The whole answer."""
        return self._answer(self.send(command))

    def number(self, command: str, pattern: bytes) -> int:
        """The number which the answer has where ``pattern`` has its group; 0 without it."""
        match = re.search(pattern, self.ask(command))
        return int(match[1]) if match else 0

    def messages(self, mailbox: str = "INBOX") -> int:
        """How many messages STATUS reports."""
        return self.number(f"STATUS {mailbox} (MESSAGES)", rb"MESSAGES (\d+)")

    def append(self, mailbox: str, letters: Sequence[Letter]) -> None:
        """One APPEND with all of ``letters`` (MULTIAPPEND, if they are many), and its answer.

        The literals do not wait for the server if it takes such; else each waits for its word.
        """
        self._sent += 1
        tag = b"T%06d " % self._sent
        pieces = [tag + f"APPEND {mailbox}".encode()]
        does_not_wait = "LITERAL+" in self.capabilities
        for letter in letters:
            size = f"{len(letter.octets)}{'+' if does_not_wait else ''}"
            pieces.append(f' ({letter.flags}) "{letter.date}" {{{size}}}\r\n'.encode())
            if not does_not_wait:
                self.socket.sendall(b"".join(pieces))
                pieces.clear()
                if not (word := self.line()).startswith(b"+"):
                    raise SystemExit(f"APPEND: {word!r}")
            pieces.append(letter.octets)
        self.socket.sendall(b"".join([*pieces, b"\r\n"]))
        self._answer(tag)

    def close(self) -> None:
        """LOGOUT and close."""
        self.ask("LOGOUT")
        self.socket.close()

    def _answer(self, tag: bytes) -> bytes:
        chunks: list[bytes] = []
        tail = b""
        while True:
            octets = self.socket.recv(RECEIVE_OCTETS)
            if not octets:
                raise SystemExit(f"the IMAP server closed the connection: {tail[-200:]!r}")
            chunks.append(octets)
            tail = octets[-TAIL_OCTETS:] if len(octets) >= TAIL_OCTETS else tail + octets
            if not tail.endswith(b"\r\n"):
                continue
            start = tail.rfind(b"\r\n", 0, -2)
            if tail.startswith(tag, start + 2 if start >= 0 else 0):
                break
        last = tail[start + 2 if start >= 0 else 0 :]
        if not last.startswith(tag + b"OK"):
            raise SystemExit(f"not OK: {last[:300]!r}")
        return b"".join(chunks)
