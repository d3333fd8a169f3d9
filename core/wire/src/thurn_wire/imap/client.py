r"""The client side: commands in, octets out; octets in, answers out.

Rules of this file:
1. Every command has a tag, and one `Condition` with that tag. Commands may be sent ahead of
   answers, but not beside STARTTLS, AUTHENTICATE or IDLE, which stand alone.
2. A literal is sent at once where the server has said LITERAL+ (or LITERAL- and it is small), else
   when the server says go on; a command that is answered before is given up at that place.
3. After STARTTLS a server that has said more than its OK is given up: what it said in the clear is
   never taken for something said under TLS (CVE-2021-38371).
4. A server that breaks the protocol or a bound raises `RemoteProtocolError`; then all is over.

This file knows no socket and no clock.
"""

from __future__ import annotations

import binascii
from collections import deque
from collections.abc import Mapping
from typing import Final, NoReturn, TypeAlias

from thurn_wire.imap import answer, command, limits
from thurn_wire.imap.answer import Answer, Capabilities, Condition, Continuation
from thurn_wire.imap.command import AppendItem, Command
from thurn_wire.imap.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.imap.event import NEED_DATA, PAUSED, Closed, Pause, Reason
from thurn_wire.imap.fragment import Announcement, FragmentError, Fragmentizer
from thurn_wire.imap.spelling.command import append, spell
from thurn_wire.imap.spelling.word import Literal, Piece, Words
from thurn_wire.imap.state import CLIENT, State, Step, follow

ClientEvent: TypeAlias = Answer | Closed

_ALONE: Final = (command.Authenticate, command.Idle, command.StartTls)
_SILENT: Final = frozenset((State.GREETING, State.TLS_HANDSHAKE, State.LOGOUT, State.CLOSED))
_GREETINGS: Final[Mapping[str, Step]] = {
    "OK": Step.GREETED,
    "PREAUTH": Step.PREAUTHENTICATED,
    "BYE": Step.STOPPED,
}
_AGREED: Final[Mapping[type[Command] | type[None], Step]] = {
    command.Authenticate: Step.LOGIN,
    command.Close: Step.DESELECT,
    command.Login: Step.LOGIN,
    command.Logout: Step.LOGOUT,
    command.Select: Step.SELECT,
    command.StartTls: Step.STARTTLS,
    command.Unselect: Step.DESELECT,
}
"""Where the OK of a command leads."""


class ImapClient:
    r"""One session, as the client sees it.

    >>> client = ImapClient()
    >>> client.receive_data(b"* OK [CAPABILITY IMAP4rev1 LITERAL+] hello\r\n")
    >>> client.next_event().text
    'hello'
    >>> client.send(command.Login("alice", "two\r\nlines"))
    b'a1'
    >>> client.data_to_send()
    b'a1 LOGIN alice {10+}\r\ntwo\r\nlines\r\n'
    """

    __slots__ = (
        "_alone",
        "_blocked",
        "_ended",
        "_fragments",
        "_initial",
        "_maximum_octets",
        "_out",
        "_pending",
        "_queue",
        "_reason",
        "_state",
        "_tags",
        "capabilities",
        "utf8",
    )

    def __init__(self, maximum_octets: int = limits.CLIENT_RESPONSE_OCTETS) -> None:
        """Begin a session.

        Args:
            maximum_octets: the most that the literals of one response may have.
        """
        self._maximum_octets = maximum_octets
        self._fragments = Fragmentizer()
        self._out: list[bytes] = []
        self._queue: deque[tuple[bytes, deque[Piece]]] = deque()  # what is not yet written
        self._blocked: Literal | None = None  # the literal that waits for the server
        self._pending: dict[bytes, Command | None] = {}  # sent and not answered
        self._alone: bytes | None = None
        self._initial: bytes | None = None  # an initial response that SASL-IR cannot take
        self._state = State.GREETING
        self._tags = 0
        self._ended = False
        self._reason = Reason.PEER_CLOSED
        self.capabilities: frozenset[str] = frozenset()
        self.utf8 = False

    @property
    def state(self) -> State:
        """Where the session is, by what was answered."""
        return self._state

    # Commands.

    def send(self, request: Command) -> bytes:
        """Send a command (for APPEND: `append`); returns its tag.

        Raises:
            LocalProtocolError: not now, or a value that cannot be written.
        """
        self._check_alone(request)
        initial = None
        if isinstance(request, command.Authenticate) and "SASL-IR" not in self.capabilities:
            initial, request = request.initial, command.Authenticate(request.mechanism)
        tag = self._enqueue(request, spell(request, utf8=self.utf8))
        self._initial = initial
        if isinstance(request, _ALONE):
            self._alone = tag
        return tag

    def append(self, mailbox: str, messages: list[tuple[AppendItem, bytes]]) -> bytes:
        """Send APPEND; returns its tag. RFC 3502 for more than one message."""
        self._check_alone(None)
        return self._enqueue(None, append(mailbox, messages, utf8=self.utf8))

    def send_words(self, words: Words) -> bytes:
        """Send a command of an extension; returns its tag."""
        self._check_alone(None)
        return self._enqueue(None, words.pieces)

    def respond(self, response: bytes) -> None:
        """Answer a challenge. RFC 9051 §6.2.2."""
        self._check_open(command.Authenticate)
        self._out.append(binascii.b2a_base64(response, newline=False) + b"\r\n")

    def cancel(self) -> None:
        """Give up the SASL exchange; the server will say BAD. RFC 9051 §6.2.2."""
        self._check_open(command.Authenticate)
        self._out.append(b"*\r\n")

    def done(self) -> None:
        """End IDLE. RFC 9051 §6.3.13."""
        self._check_open(command.Idle)
        self._out.append(b"DONE\r\n")

    def tls_started(self) -> None:
        """TLS is up: everything from before is forgotten. RFC 9051 §6.2.1."""
        self._move(Step.SECURED)
        self._fragments = Fragmentizer()
        self.capabilities = frozenset()

    # Octets.

    def receive_data(self, data: bytes) -> None:
        """Take what the server sent; b"" says that it has closed."""
        if data:
            self._fragments.receive(data)
        else:
            self._ended = True

    def data_to_send(self) -> bytes:
        """Everything to send, in order; it is then forgotten."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def next_event(self) -> ClientEvent | Pause:
        """The next thing that the server said.

        Raises:
            RemoteProtocolError: the server broke the protocol.
        """
        while self._state is not State.CLOSED:
            if self._state is State.TLS_HANDSHAKE:
                return PAUSED
            response = self._response()
            if response is None:
                if not self._ended:
                    return NEED_DATA
                self._move(Step.FAREWELL if self._state is State.LOGOUT else Step.STOPPED)
                break
            try:
                found = answer.parse(response, utf8=self.utf8)
            except RemoteProtocolError as error:
                self._break(str(error))
            if not self._internal(found):
                return self._noted(found)
        return Closed(self._reason)

    # Within.

    def _response(self) -> bytes | None:
        """A whole response, its literals within."""
        fragments = self._fragments
        while True:
            try:
                found = fragments.next_command(limits.CLIENT_LINE_OCTETS)
            except FragmentError as error:
                self._break(error.text)
            if not isinstance(found, Announcement):
                return found
            if fragments.literals_octets + found.size_octets > self._maximum_octets:
                self._break("a response that is too large")
            fragments.gather()

    def _internal(self, found: Answer) -> bool:
        """Whether it is a continuation that the engine itself waits for."""
        if self._state is State.GREETING:
            self._greeting(found)
        if not isinstance(found, Continuation):
            return False
        if self._blocked is not None:
            literal, self._blocked = self._blocked, None
            self._out.append(literal.octets)
            self._write()
            return True
        if self._alone is None or isinstance(self._pending[self._alone], command.StartTls):
            self._break("a continuation that nothing asked for")
        if self._initial is not None:
            initial, self._initial = self._initial, None
            self.respond(initial)
            return True
        return False

    def _greeting(self, found: Answer) -> None:
        if not isinstance(found, Condition) or found.name not in _GREETINGS or found.tag:
            self._break("no greeting")
        self._move(_GREETINGS[found.name])

    def _noted(self, found: Answer) -> Answer:
        """Learn from what is handed out."""
        if isinstance(found, Capabilities):
            self.capabilities = found.names
        elif isinstance(found, Condition):
            if found.tag is not None:
                self._conclude(found.tag, ok=found.name == "OK")
            if found.code is not None and found.code.name == "CAPABILITY":
                self.capabilities = answer.capabilities(found.code.arguments).names
        return found

    def _conclude(self, tag: bytes, *, ok: bool) -> None:
        """Go where the answer of a command leads."""
        if tag not in self._pending:
            self._break("an answer to nothing")
        request = self._pending.pop(tag)
        if tag == self._alone:
            self._alone = self._initial = None
        if self._queue and self._queue[0][0] == tag:
            # Refused before its literals were sent.
            self._queue.popleft()
            self._blocked = None
            self._write()
        step = _AGREED.get(type(request)) if ok else None
        if isinstance(request, command.Select) and not ok and self._state is State.SELECTED:
            # RFC 9051 §6.3.2: what was selected is not any more.
            step = Step.DESELECT
        if step is not None:
            self._agreed(step)

    def _agreed(self, step: Step) -> None:
        if step is Step.LOGIN:
            self.capabilities = frozenset()
        elif step is Step.STARTTLS and len(self._fragments):
            self._break("octets behind the OK of STARTTLS")
        elif step is Step.LOGOUT:
            self._reason = Reason.LOGOUT
        try:
            self._move(step)
        except LocalProtocolError:
            self._break(f"OK to {step.value} in state {self._state.value!r}")

    def _check_alone(self, request: Command | None) -> None:
        if self._alone is not None or (self._pending and isinstance(request, _ALONE)):
            raise LocalProtocolError("STARTTLS, AUTHENTICATE and IDLE stand alone")
        if self._state in _SILENT:
            raise LocalProtocolError("no command is possible now")

    def _check_open(self, kind: type[Command]) -> None:
        if self._alone is None or not isinstance(self._pending[self._alone], kind):
            raise LocalProtocolError(f"{kind.NAME} is not open")

    def _enqueue(self, request: Command | None, pieces: list[Piece]) -> bytes:
        self._tags += 1
        tag = b"a%d" % self._tags
        self._pending[tag] = request
        self._queue.append((tag, deque((tag + b" ", *pieces, b"\r\n"))))
        if self._blocked is None:
            self._write()
        return tag

    def _write(self) -> None:
        """Write all that may be written now."""
        while self._queue:
            _, pieces = self._queue[0]
            while pieces:
                piece = pieces.popleft()
                if isinstance(piece, bytes):
                    self._out.append(piece)
                    continue
                at_once = self._at_once(piece)
                prefix = b"~" if piece.binary else b""
                plus = b"+" if at_once else b""
                self._out.append(b"%b{%d%b}\r\n" % (prefix, len(piece.octets), plus))
                if not at_once:
                    self._blocked = piece
                    return
                self._out.append(piece.octets)
            self._queue.popleft()

    def _at_once(self, literal: Literal) -> bool:
        # RFC 7888 §5: LITERAL- is for small ones; RFC 9051 §4.3 has it built in.
        small = len(literal.octets) <= limits.LITERAL_MINUS_OCTETS
        return "LITERAL+" in self.capabilities or (
            small and not {"LITERAL-", "IMAP4REV2"}.isdisjoint(self.capabilities)
        )

    def _move(self, step: Step) -> None:
        self._state = follow(CLIENT, self._state, step)

    def _break(self, text: str) -> NoReturn:
        self._move(Step.STOPPED)
        self._reason = Reason.FOREIGN
        raise RemoteProtocolError(text)
