"""The client side of POP3: commands in, octets out; octets in, replies out.

Rules of this file:
1. Every command sent has one `Reply`, in order. Commands may be sent ahead of replies (RFC 2449
   §6.6), but not ahead of a login's or STLS's; STLS and AUTH wait for all replies before them.
2. After STLS a server that has said more than its +OK line is given up: what it said in the clear
   is never taken for something said under TLS (CVE-2021-38371).
3. A server that breaks the protocol raises `RemoteProtocolError`; after that all is over. No reply
   is ever half: a connection that ends within one is `Closed`.

This file knows no socket and no clock.
"""

from __future__ import annotations

import binascii
from collections import deque
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeAlias

from thurn_wire.linebuffer import LineBuffer, LineError, LineNeverEnds
from thurn_wire.pop3 import command, limits, reply
from thurn_wire.pop3.command import CommandError, Verb
from thurn_wire.pop3.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.pop3.event import NEED_DATA, PAUSED, Closed, Pause, Reason
from thurn_wire.pop3.multiline import MultiLineReader
from thurn_wire.pop3.state import CLIENT, State, Step, Trigger, follow


@dataclass(frozen=True, slots=True)
class Greeting:
    """The server's first line. RFC 1939 §4."""

    ok: bool
    text: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a command; `body` is the content of a multi-line one, dots taken away."""

    verb: Verb
    ok: bool
    text: str
    code: str | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Challenge:
    """The server's mechanism asks: `respond` or `cancel`. RFC 5034 §4."""

    challenge: bytes = field(repr=False)


ClientEvent: TypeAlias = Greeting | Reply | Challenge | Closed

_ALWAYS_MULTI_LINE: Final = frozenset((Verb.CAPA, Verb.RETR, Verb.TOP))
_MULTI_LINE_WITHOUT_ARGUMENT: Final = frozenset((Verb.LIST, Verb.UIDL))
_LOGINS: Final = frozenset((Verb.PASS, Verb.APOP, Verb.AUTH))
_ALONE: Final = frozenset((Verb.STLS, Verb.AUTH))
_TURNS: Final = _LOGINS | _ALONE


class Pop3Client:
    """One session, as the client sees it."""

    __slots__ = (
        "_body",
        "_ended",
        "_expected",
        "_first",
        "_initial",
        "_lines",
        "_maximum_octets",
        "_out",
        "_reason",
        "_state",
    )

    def __init__(self, maximum_octets: int = limits.CLIENT_MESSAGE_OCTETS) -> None:
        """Begin a session.

        Args:
            maximum_octets: the most that one multi-line reply may have.
        """
        self._maximum_octets = maximum_octets
        self._state = State.GREETING
        self._lines = LineBuffer()
        self._out: list[bytes] = []
        self._expected: deque[tuple[Verb, bool]] = deque()  # what was sent; whether multi-line
        self._first: Reply | None = None  # the first line of the multi-line reply that is read
        self._body: MultiLineReader | None = None
        self._initial: bytes | None = None  # an initial response too long for its command
        self._ended = False
        self._reason = Reason.PEER_CLOSED

    @property
    def state(self) -> State:
        """Where the session is."""
        return self._state

    # Commands.

    def send(self, verb: Verb, *arguments: str | int) -> None:
        """Send a command (for AUTH: `authenticate`).

        Raises:
            LocalProtocolError: not in this state, or an argument that cannot be sent: a line end, a
                control octet, a line over 255 octets (RFC 2449 §4).
        """
        if verb is Verb.AUTH:
            raise LocalProtocolError("authenticate sends AUTH")
        line = " ".join((verb.value, *map(str, arguments))).encode()
        if len(line) + 2 > limits.COMMAND_OCTETS:
            raise LocalProtocolError("the command is too long")
        multi_line = verb in _ALWAYS_MULTI_LINE
        multi_line = multi_line or (verb in _MULTI_LINE_WITHOUT_ARGUMENT and not arguments)
        self._send(verb, line, multi_line=multi_line)

    def authenticate(self, mechanism: str, initial: bytes | None = None) -> None:
        """Begin a SASL exchange. RFC 5034 §4.

        Args:
            mechanism: its name.
            initial: the initial response; one too long for the command line is sent by the engine
                as the answer to the first, empty challenge.
        """
        line = f"AUTH {mechanism}".encode()
        if initial is not None:
            whole = line + b" " + (_encode(initial) or b"=")
            # RFC 5034 §4: the command with its initial response keeps the bound of a command.
            if len(whole) + 2 <= limits.COMMAND_OCTETS:
                line, initial = whole, None
        self._send(Verb.AUTH, line, multi_line=False)
        self._initial = initial

    def respond(self, response: bytes) -> None:
        """Answer a challenge. RFC 5034 §4."""
        self._move(Step.RESPONSE)
        self._out.append(_encode(response) + b"\r\n")

    def cancel(self) -> None:
        """Give up the SASL exchange; the server will say -ERR. RFC 5034 §4."""
        self._move(Step.CANCELLED)
        self._out.append(b"*\r\n")

    def tls_started(self) -> None:
        """TLS is up: everything from before is forgotten. RFC 2595 §4."""
        self._move(Step.SECURED)
        self._lines = LineBuffer()

    # Octets.

    def receive_data(self, data: bytes) -> None:
        """Take what the server sent; b"" says that it has closed."""
        if data:
            self._lines.receive(data)
        else:
            self._ended = True

    def data_to_send(self) -> bytes:
        """Everything to send, in order; it is then forgotten."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def send_failed(self) -> None:
        """The server did not get what was to be sent: the session is over."""
        self._out.clear()
        self._stop(Reason.SEND_FAILED)

    def next_event(self) -> ClientEvent | Pause:
        """The next thing that the server said.

        Raises:
            RemoteProtocolError: the server broke the protocol.
        """
        while True:
            if self._state is State.CLOSED:
                return Closed(self._reason)
            if self._state is State.TLS_HANDSHAKE or self._state is State.CHALLENGED:
                return PAUSED
            event = self._read_line() if self._body is None else self._read_body(self._body)
            if event is not None:
                return event

    # Within.

    def _read_line(self) -> ClientEvent | Pause | None:
        exchange = self._state is State.RESPONSE_GIVEN
        try:
            line = self._lines.next_line(
                limits.AUTH_OCTETS if exchange else limits.CLIENT_LINE_OCTETS
            )
        except (LineError, LineNeverEnds) as error:
            self._break(f"a reply that is no line: {type(error).__name__}")
        if line is None:
            return self._wait()
        if exchange and line[:1] == b"+" and line[:3].upper() != b"+OK":
            return self._challenged(line)
        parsed = reply.parse(line)
        if parsed is None:
            self._break("a line that is no reply")
        return self._replied(*parsed)

    def _wait(self) -> ClientEvent | Pause:
        if not self._ended:
            return NEED_DATA
        self._stop(Reason.PEER_CLOSED)
        return Closed(self._reason)

    def _challenged(self, line: bytes) -> ClientEvent | None:
        try:
            challenge = command.base64(line[1:].strip(b" "))
        except CommandError:
            self._break("a challenge that is not base64")
        self._move(Step.CHALLENGE)
        if self._initial is None:
            return Challenge(challenge)
        initial, self._initial = self._initial, None
        self.respond(initial)
        return None

    def _replied(self, ok: bool, text: str, code: str | None) -> ClientEvent | None:
        if self._state is State.GREETING:
            self._move(Step.GREETED if ok else Step.DENIED)
            return Greeting(ok, text, code)
        if not self._expected:
            self._break(f"a reply to nothing: {text[:100]!r}")
        verb, multi_line = self._expected.popleft()
        found = Reply(verb, ok, text, code)
        if ok and multi_line:
            self._first, self._body = found, MultiLineReader(self._maximum_octets)
            return None
        self._conclude(verb, ok=ok)
        return found

    def _conclude(self, verb: Verb, *, ok: bool) -> None:
        """Go where a single-line reply leads."""
        if verb is Verb.QUIT:
            self._reason = Reason.QUIT
        if verb is Verb.QUIT or verb is Verb.STLS:
            self._move(Step.AGREED if ok else Step.DENIED)
        elif verb in _LOGINS:
            self._initial = None
            if ok:
                self._move(Step.ACCEPTED)
            elif verb is Verb.AUTH:
                self._move(Step.DENIED)
        if self._state is State.TLS_HANDSHAKE and len(self._lines):
            self._break("octets behind the +OK of STLS")

    def _read_body(self, body: MultiLineReader) -> ClientEvent | Pause:
        octets = self._lines.take_all()
        try:
            rest = body.feed(octets) if octets else None
        except RemoteProtocolError as error:
            self._break(str(error))
        if rest is None or self._first is None:
            return self._wait()
        if rest:
            self._lines.receive(rest)
        first, self._first, self._body = self._first, None, None
        return Reply(first.verb, first.ok, first.text, first.code, body.content())

    def _send(self, verb: Verb, line: bytes, *, multi_line: bool) -> None:
        if command.has_control(line):
            # A line end in an argument would be a second command.
            raise LocalProtocolError("a control character in an argument")
        if self._expected and (verb in _ALONE or self._expected[-1][0] in _TURNS):
            raise LocalProtocolError(f"{verb.value} must wait for the replies before it")
        self._move(verb)
        self._expected.append((verb, multi_line))
        self._out.append(line + b"\r\n")

    def _move(self, trigger: Trigger) -> None:
        self._state = follow(CLIENT, self._state, trigger)

    def _stop(self, reason: Reason) -> None:
        if self._state is not State.CLOSED:
            self._reason = reason
        self._move(Step.STOPPED)

    def _break(self, text: str) -> NoReturn:
        self._stop(Reason.FOREIGN)
        raise RemoteProtocolError(text)


def _encode(octets: bytes) -> bytes:
    return binascii.b2a_base64(octets, newline=False)
