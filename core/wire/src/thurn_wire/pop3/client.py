"""The client side of POP3: commands in, octets out; octets in, answers out.

    engine = Pop3Client()
    engine.receive_data(octets)          b"" when the server has ended the stream
    engine.next_event()                  an Answer, Closed, NEED_DATA or PAUSED
    engine.send(User("alice"))
    engine.data_to_send()                everything sent since the last call
    engine.send_failed()                 the octets could not be sent: Closed follows

Rules of this file:
1. Every command has one answer, in order. Commands may be sent before the last one is answered
   (RFC 2449 §6.6), but not behind a login, STLS or QUIT; STLS and AUTH wait for all answers.
2. Octets behind the answer to STLS are an error: they came from before TLS. CVE-2021-38371.
3. A server that breaks the protocol raises `RemoteProtocolError` and ends the dialogue. A reply is
   never returned in part: a connection that ends within one is `Closed`.

This file knows no socket and no clock.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from thurn_wire import sasl
from thurn_wire.dialogue import Dialogue
from thurn_wire.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.event import PAUSED, Challenge, Closed, Pause, Reason
from thurn_wire.linebuffer import LineBuffer, LineError, LineNeverEnds
from thurn_wire.pop3 import limits
from thurn_wire.pop3.answer import Answer, Answered, first_line
from thurn_wire.pop3.command import Auth, Capa, Command, List, Retrieve, Top, Uidl
from thurn_wire.pop3.multiline import MultiLineReader
from thurn_wire.pop3.reply import Reply
from thurn_wire.pop3.spelling import fits, spell
from thurn_wire.pop3.state import CLIENT, State, Step

_ALONE: Final = frozenset({Step.STARTTLS, Step.AUTH})
"""These are sent only when nothing waits for an answer."""
_LAST_IN_GROUP: Final = frozenset({Step.PASS, Step.APOP, Step.QUIT, *_ALONE})
"""Nothing may be sent behind these before they are answered."""


class Pop3Client:
    """One dialogue; see the head of this file.

    Args:
        body_octets: the most octets of one multi-line reply.
    """

    __slots__ = ("_body", "_body_octets", "_dialogue", "_expected", "_first", "_initial", "_lines")

    def __init__(self, body_octets: int = limits.BODY_OCTETS) -> None:
        self._body_octets = body_octets
        self._dialogue = Dialogue(CLIENT)
        self._lines = LineBuffer()
        # What is sent and not answered; whether its positive answer has many lines.
        self._expected: deque[tuple[Step, bool]] = deque([(Step.GREETED, False)])
        self._first: Answered | None = None  # of the multi-line reply that is read
        self._body: MultiLineReader | None = None
        self._initial: bytes | None = None  # an initial response too long for its command

    # --- what may be read

    @property
    def state(self) -> State:
        """Where the dialogue is."""
        return self._dialogue.state

    @property
    def waits(self) -> bool:
        """Whether at least one answer is missing."""
        return bool(self._expected)

    # --- the verbs of every engine

    def receive_data(self, octets: bytes) -> None:
        """Take what the server sent; b"" is the end of its stream."""
        if not octets:
            self._dialogue.has_ended = True
        elif not self._dialogue.is_closed:
            self._lines.receive(octets)

    def next_event(self) -> Answer | Closed | Pause:
        """The next answer.

        Raises:
            RemoteProtocolError: see rule 3; afterwards `Closed`.
        """
        state = self.state
        if state is State.TLS_HANDSHAKE or (state is State.CHALLENGED and not self._expected):
            return PAUSED
        try:
            answer = None if self._dialogue.is_closed else self._read()
        except RemoteProtocolError:
            self._close(Reason.FOREIGN)
            raise
        return self._wait() if answer is None else answer

    def send(self, request: Command) -> None:
        """Send a command.

        An initial response that is too long for its command line is sent as the response to the
        first, empty challenge. RFC 5034 §4.

        Raises:
            LocalProtocolError: the command is not possible now, or cannot be sent.
        """
        initial = None
        if isinstance(request, Auth) and request.initial is not None and not fits(request):
            initial, request = request.initial, Auth(request.mechanism)
        octets = spell(request)
        step = request.STEP
        if self._expected and (step in _ALONE or self._expected[-1][0] in _LAST_IN_GROUP):
            raise LocalProtocolError(f"{step.value} must wait for the answers before it")
        CLIENT.follow(self.state, step)
        self._initial = initial
        self._expected.append((step, _has_many_lines(request)))
        self._dialogue.write(octets)

    def data_to_send(self) -> bytes:
        """Everything sent since the last call."""
        return self._dialogue.take_output()

    def send_failed(self) -> None:
        """The octets of `data_to_send` could not be sent: the dialogue is over."""
        self._dialogue.take_output()
        self._close(Reason.SEND_FAILED)

    def tls_started(self) -> None:
        """The TLS handshake is done: forget everything from before it. RFC 2595 §4.

        Raises:
            RemoteProtocolError: octets came in the clear: the connection must be closed.
        """
        self._dialogue.move(Step.TLS_STARTED)
        if self._lines.discard():
            self._close(Reason.FOREIGN)
            raise RemoteProtocolError("octets before the handshake")

    # --- further verbs of the client

    def respond(self, octets: bytes) -> None:
        """Respond to a challenge. RFC 5034 §4."""
        self._exchange(sasl.encode(octets))

    def cancel(self) -> None:
        """End the SASL exchange; the server will refuse it. RFC 5034 §4."""
        self._exchange(sasl.CANCEL)

    def _exchange(self, line: bytes) -> None:
        if self.state is not State.CHALLENGED or self._expected:
            raise LocalProtocolError("no challenge waits for a response")
        self._dialogue.write(line + b"\r\n")
        self._expected.append((Step.AUTH, False))

    # --- answers

    def _read(self) -> Answer | None:
        """The next answer, or None if more has to come."""
        while True:
            if self._body is not None:
                return self._read_body(self._body)
            line = self._next_line()
            if line is None:
                return None
            answer = self._take(line)
            if answer is not None:
                return answer

    def _next_line(self) -> bytes | None:
        in_exchange = bool(self._expected) and self._expected[0][0] is Step.AUTH
        limit_octets = sasl.LINE_OCTETS if in_exchange else limits.REPLY_LINE_READ_OCTETS
        try:
            return self._lines.next_line(limit_octets)
        except (LineError, LineNeverEnds) as error:
            raise RemoteProtocolError(f"reply line: {type(error).__name__}") from None

    def _take(self, line: bytes) -> Answer | None:
        """Find what this line answers, and move; None if the answer goes on."""
        if not self._expected:
            raise RemoteProtocolError(f"a reply without a command: {line[:100]!r}")
        step, has_many_lines = self._expected[0]
        if step is Step.AUTH and line[:1] == b"+" and line[:3].upper() != b"+OK":
            return self._challenged(line)
        reply = first_line(line)
        if reply is None:
            raise RemoteProtocolError("not a reply")
        self._expected.popleft()
        answer = Answered(step, reply)
        if reply.is_positive and has_many_lines:
            self._first, self._body = answer, MultiLineReader(self._body_octets)
            return None
        self._conclude(step, reply)
        return answer

    def _challenged(self, line: bytes) -> Answer | None:
        octets = sasl.decode(line[1:].strip(b" "))
        if octets is None:
            raise RemoteProtocolError("a challenge that is not base64")
        self._expected.popleft()
        self._dialogue.move(Step.CHALLENGE)
        if self._initial is None:
            return Challenge(octets)
        initial, self._initial = self._initial, None
        self.respond(initial)
        return None

    def _conclude(self, step: Step, reply: Reply) -> None:
        """Move by the answer to a command."""
        if step is Step.QUIT:
            self._close(Reason.QUIT)
        elif reply.is_positive:
            self._dialogue.move(step)
        elif step is Step.GREETED:
            self._dialogue.move(Step.REFUSED)
            self._close(Reason.REFUSED)
        elif self.state is State.CHALLENGED:
            self._dialogue.move(Step.REFUSED)
        if self.state is State.TLS_HANDSHAKE and len(self._lines):
            raise RemoteProtocolError("octets behind the answer to STLS")

    def _read_body(self, body: MultiLineReader) -> Answer | None:
        octets = self._lines.take_all()
        rest = body.feed(octets) if octets else None
        if rest is None or self._first is None:
            return None
        if rest:
            self._lines.receive(rest)
        first, self._first, self._body = self._first, None, None
        return Answered(first.step, first.reply, body.content())

    # --- the end

    def _wait(self) -> Closed | Pause:
        pause = self._dialogue.wait()
        if isinstance(pause, Closed):
            self._close(pause.reason)
        return pause

    def _close(self, reason: Reason) -> None:
        self._dialogue.close(reason)
        self._lines.discard()
        self._expected.clear()


def _has_many_lines(request: Command) -> bool:
    """Whether a positive answer has many lines. RFC 1939 §3."""
    if isinstance(request, List | Uidl):
        return request.number is None
    return isinstance(request, Capa | Retrieve | Top)
