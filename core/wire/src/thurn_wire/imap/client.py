r"""The client side of IMAP: commands in, octets out; octets in, answers out.

    engine = ImapClient()
    engine.receive_data(octets)          b"" when the server has ended the stream
    engine.next_event()                  an Answer, Closed, NEED_DATA or PAUSED
    engine.send(Login("alice", "secret"))
    engine.data_to_send()                everything sent since the last call
    engine.send_failed()                 the octets could not be sent: Closed follows

Rules of this file:
1. Every command has a tag, and one `Answered` with that tag. Commands may be sent before the last
   one is answered, but not together with STARTTLS, AUTHENTICATE or IDLE, which are sent alone.
2. A literal is sent at once if the server has LITERAL+ (or LITERAL- and the literal is small),
   otherwise when the server asks for it. If the server answers the command before, the rest of the
   command is not sent.
3. Octets behind the answer to STARTTLS are an error: they came from before TLS. CVE-2021-38371.
4. A server that breaks the protocol or a limit raises `RemoteProtocolError` and ends the dialogue.

This file knows no socket and no clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from thurn_wire import sasl
from thurn_wire.dialogue import Dialogue
from thurn_wire.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.event import PAUSED, Challenge, Closed, Pause, Reason
from thurn_wire.imap import answer, command, limits
from thurn_wire.imap.answer import Answer, Answered, Capabilities, Continuation
from thurn_wire.imap.command import AppendItem, Command
from thurn_wire.imap.fragment import Announcement, FragmentError, Fragmentizer
from thurn_wire.imap.reply import Condition
from thurn_wire.imap.spelling.command import append, spell
from thurn_wire.imap.spelling.word import Literal, Piece, Words
from thurn_wire.imap.state import CLIENT, State, Step

_ALONE: Final = (command.Authenticate, command.Idle, command.StartTls)
_GREETINGS: Final[Mapping[Condition, Step]] = {
    Condition.OK: Step.GREETED,
    Condition.PREAUTH: Step.PREAUTHENTICATED,
    Condition.BYE: Step.REFUSED,
}
_STEPS: Final[Mapping[type[Command] | type[None], Step]] = {
    command.Authenticate: Step.AUTHENTICATE,
    command.Close: Step.DESELECT,
    command.Login: Step.LOGIN,
    command.Logout: Step.LOGOUT,
    command.Select: Step.SELECT,
    command.StartTls: Step.STARTTLS,
    command.Unselect: Step.DESELECT,
}
"""The steps that an OK to these commands makes; others leave the state."""


class ImapClient:
    r"""One dialogue; see the head of this file.

    >>> client = ImapClient()
    >>> client.receive_data(b"* OK [CAPABILITY IMAP4rev1 LITERAL+] hello\r\n")
    >>> client.next_event().text
    'hello'
    >>> client.send(command.Login("alice", "two\r\nlines"))
    b'a1'
    >>> client.data_to_send()
    b'a1 LOGIN alice {10+}\r\ntwo\r\nlines\r\n'

    Args:
        literals_octets: the most octets of all literals of one response.

    Attributes:
        capabilities: what the server announced last, in upper case.
        utf8: mailbox names are UTF-8; set it after ENABLE IMAP4rev2.
    """

    __slots__ = (
        "_alone",
        "_blocked",
        "_dialogue",
        "_fragments",
        "_initial",
        "_literals_octets",
        "_must_respond",
        "_pending",
        "_queue",
        "_tags",
        "capabilities",
        "utf8",
    )

    def __init__(self, literals_octets: int = limits.RESPONSE_LITERALS_OCTETS) -> None:
        self._literals_octets = literals_octets
        self._dialogue = Dialogue(CLIENT)
        self._fragments = Fragmentizer()
        self._queue: deque[tuple[bytes, deque[Piece]]] = deque()  # what is not written yet
        self._blocked: Literal | None = None  # the literal that the server has not asked for
        self._pending: dict[bytes, Command | None] = {}  # sent and not answered
        self._alone: bytes | None = None
        self._initial: bytes | None = None  # an initial response for a server without SASL-IR
        self._must_respond = False
        self._tags = 0
        self.capabilities: frozenset[str] = frozenset()
        self.utf8 = False

    # --- what may be read

    @property
    def state(self) -> State:
        """Where the dialogue is, as far as commands are answered."""
        return self._dialogue.state

    @property
    def waits(self) -> bool:
        """Whether at least one answer is missing."""
        return bool(self._pending) or self.state is State.GREETING

    # --- the verbs of every engine

    def receive_data(self, octets: bytes) -> None:
        """Take what the server sent; b"" is the end of its stream."""
        if not octets:
            self._dialogue.has_ended = True
        elif not self._dialogue.is_closed:
            self._fragments.receive(octets)

    def next_event(self) -> Answer | Closed | Pause:
        """The next answer.

        Raises:
            RemoteProtocolError: see rule 4; afterwards `Closed`.
        """
        if self.state is State.TLS_HANDSHAKE or self._must_respond:
            return PAUSED
        try:
            while not self._dialogue.is_closed:
                response = self._response()
                if response is None:
                    break
                event = self._take(answer.parse(response, utf8=self.utf8))
                if event is not None:
                    return event
        except RemoteProtocolError:
            self._close(Reason.FOREIGN)
            raise
        return self._wait()

    def send(self, request: Command) -> bytes:
        """Send a command (APPEND by `append`); returns its tag.

        Raises:
            LocalProtocolError: the command is not possible now, or cannot be sent.
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

    def data_to_send(self) -> bytes:
        """Everything sent since the last call."""
        return self._dialogue.take_output()

    def send_failed(self) -> None:
        """The octets of `data_to_send` could not be sent: the dialogue is over."""
        self._dialogue.take_output()
        self._close(Reason.SEND_FAILED)

    def tls_started(self) -> None:
        """The TLS handshake is done: forget everything from before it. RFC 9051 §6.2.1.

        Raises:
            RemoteProtocolError: octets came in the clear: the connection must be closed.
        """
        self._dialogue.move(Step.TLS_STARTED)
        self.capabilities = frozenset()
        if self._fragments.discard():
            self._close(Reason.FOREIGN)
            raise RemoteProtocolError("octets before the handshake")

    # --- further verbs of the client

    def append(self, mailbox: str, messages: list[tuple[AppendItem, bytes]]) -> bytes:
        """Send APPEND; returns its tag. RFC 3502 for more than one message."""
        self._check_alone(None)
        return self._enqueue(None, append(mailbox, messages, utf8=self.utf8))

    def send_words(self, words: Words) -> bytes:
        """Send a command of an extension; returns its tag."""
        self._check_alone(None)
        return self._enqueue(None, words.pieces)

    def respond(self, octets: bytes) -> None:
        """Respond to a challenge. RFC 9051 §6.2.2."""
        self._exchange(sasl.encode(octets))

    def cancel(self) -> None:
        """End the SASL exchange; the server will answer BAD. RFC 9051 §6.2.2."""
        self._exchange(sasl.CANCEL)

    def done(self) -> None:
        """End IDLE. RFC 9051 §6.3.13."""
        if not self._is_open(command.Idle):
            raise LocalProtocolError("IDLE is not open")
        self._dialogue.write(b"DONE\r\n")

    # --- sending

    def _exchange(self, line: bytes) -> None:
        if not self._must_respond:
            raise LocalProtocolError("no challenge waits for a response")
        self._must_respond = False
        self._dialogue.write(line + b"\r\n")

    def _check_alone(self, request: Command | None) -> None:
        if self._alone is not None or (self._pending and isinstance(request, _ALONE)):
            raise LocalProtocolError("STARTTLS, AUTHENTICATE and IDLE are sent alone")
        if self.state in _SILENT:
            raise LocalProtocolError("no command is possible now")

    def _is_open(self, kind: type[Command]) -> bool:
        return self._alone is not None and isinstance(self._pending[self._alone], kind)

    def _enqueue(self, request: Command | None, pieces: list[Piece]) -> bytes:
        self._tags += 1
        tag = b"a%d" % self._tags
        self._pending[tag] = request
        self._queue.append((tag, deque((tag + b" ", *pieces, b"\r\n"))))
        if self._blocked is None:
            self._write()
        return tag

    def _write(self) -> None:
        """Write everything up to the next literal that the server has to ask for."""
        write = self._dialogue.write
        while self._queue:
            _, pieces = self._queue[0]
            while pieces:
                piece = pieces.popleft()
                if isinstance(piece, bytes):
                    write(piece)
                    continue
                at_once = self._at_once(piece)
                prefix = b"~" if piece.binary else b""
                plus = b"+" if at_once else b""
                write(b"%b{%d%b}\r\n" % (prefix, len(piece.octets), plus))
                if not at_once:
                    self._blocked = piece
                    return
                write(piece.octets)
            self._queue.popleft()

    def _at_once(self, literal: Literal) -> bool:
        # RFC 7888 §5: LITERAL- is for small ones; RFC 9051 §4.3 has it built in.
        small = len(literal.octets) <= limits.LITERAL_MINUS_OCTETS
        return "LITERAL+" in self.capabilities or (
            small and not {"LITERAL-", "IMAP4REV2"}.isdisjoint(self.capabilities)
        )

    # --- answers

    def _response(self) -> bytes | None:
        """The next whole response with its literals; None if it has not all come."""
        fragments = self._fragments
        while True:
            try:
                fragment = fragments.next_command(limits.RESPONSE_LINE_OCTETS)
            except FragmentError as error:
                raise RemoteProtocolError(error.text) from None
            if not isinstance(fragment, Announcement):
                return fragment
            if fragments.literals_octets + fragment.size_octets > self._literals_octets:
                raise RemoteProtocolError("a response that is too large")
            fragments.gather()

    def _take(self, response: Answer) -> Answer | None:
        """Learn from a response, and move; None if only the engine waited for it."""
        if self.state is State.GREETING:
            self._greeting(response)
        if isinstance(response, Continuation):
            return self._continued(response)
        if isinstance(response, Capabilities):
            self.capabilities = response.names
        elif isinstance(response, Answered):
            if response.tag is not None:
                self._conclude(response.tag, is_ok=response.condition is Condition.OK)
            code = response.code
            if code is not None and code.name == "CAPABILITY":
                self.capabilities = answer.capabilities(code.arguments).names
        return response

    def _greeting(self, response: Answer) -> None:
        step = None
        if isinstance(response, Answered) and response.tag is None:
            step = _GREETINGS.get(response.condition)
        if step is None:
            raise RemoteProtocolError("not a greeting")
        self._dialogue.move(step)
        if step is Step.REFUSED:
            self._close(Reason.REFUSED)

    def _continued(self, continuation: Continuation) -> Answer | None:
        if self._blocked is not None:
            literal, self._blocked = self._blocked, None
            self._dialogue.write(literal.octets)
            self._write()
            return None
        if self._is_open(command.Idle):
            return continuation
        if not self._is_open(command.Authenticate):
            raise RemoteProtocolError("a continuation that nothing asked for")
        octets = sasl.decode(continuation.text.strip())
        if octets is None:
            raise RemoteProtocolError("a challenge that is not base64")
        self._dialogue.move(Step.CHALLENGE)
        self._must_respond = True
        if self._initial is None:
            return Challenge(octets)
        initial, self._initial = self._initial, None
        self.respond(initial)
        return None

    def _conclude(self, tag: bytes, *, is_ok: bool) -> None:
        """Move by the answer to a command."""
        if tag not in self._pending:
            raise RemoteProtocolError("an answer to nothing")
        request = self._pending.pop(tag)
        if tag == self._alone:
            self._alone = self._initial = None
        if self._queue and self._queue[0][0] == tag:
            # Refused before its literals were sent.
            self._queue.popleft()
            self._blocked = None
            self._write()
        if is_ok:
            step = _STEPS.get(type(request))
            if step is not None:
                self._agreed(step)
        elif self.state is State.CHALLENGED:
            self._dialogue.move(Step.REFUSED)
        elif isinstance(request, command.Select) and self.state is State.SELECTED:
            # RFC 9051 §6.3.2: the mailbox that was selected is not selected any more.
            self._dialogue.move(Step.DESELECT)

    def _agreed(self, step: Step) -> None:
        if not CLIENT.allows(self.state, step):
            raise RemoteProtocolError(f"OK to {step.value} in state {self.state.value!r}")
        self._dialogue.move(step)
        if step is Step.LOGIN or step is Step.AUTHENTICATE:
            self.capabilities = frozenset()
        elif step is Step.STARTTLS and len(self._fragments):
            raise RemoteProtocolError("octets behind the answer to STARTTLS")
        elif step is Step.LOGOUT:
            self._close(Reason.QUIT)

    # --- the end

    def _wait(self) -> Closed | Pause:
        pause = self._dialogue.wait()
        if isinstance(pause, Closed):
            self._close(pause.reason)
        return pause

    def _close(self, reason: Reason) -> None:
        self._dialogue.close(reason)
        self._fragments.discard()
        self._must_respond = False


_SILENT: Final = frozenset((State.GREETING, State.TLS_HANDSHAKE, State.CLOSED))
"""States in which the client may not send anything."""
