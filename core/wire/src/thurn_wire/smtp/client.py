"""The client side of SMTP and LMTP: commands in, octets out; octets in, answers out.

    engine = SmtpClient()
    engine.receive_data(octets)          b"" when the server has ended the stream
    engine.next_event()                  an Answer, Closed, NEED_DATA or PAUSED
    engine.send(Hello("EHLO", "client.example.net"))
    engine.data_to_send()                everything sent since the last call
    engine.send_failed()                 the octets could not be sent: Closed follows

Rules of this file:
1. Each answer names the command that it answers. If the server has PIPELINING, commands may be sent
   before the last one is answered, except behind those that must be last in a group.
   RFC 2920 §3.1.
2. No argument of a command holds a control octet, and content is stuffed, with CRLF line ends only.
3. Octets behind the answer to STARTTLS are an error: they came from before TLS. CVE-2021-38371.
4. A reply that cannot be read, or that answers nothing, raises `RemoteProtocolError` and ends the
   dialogue. 421 ends it, too.

This file knows no socket. RFC 5321, RFC 2033, RFC 2920, RFC 3030, RFC 3207, RFC 4954.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from thurn_wire import sasl
from thurn_wire.dialogue import Dialogue
from thurn_wire.enddata import stuff
from thurn_wire.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.event import PAUSED, Challenge, Closed, Pause, Reason
from thurn_wire.linebuffer import LineBuffer
from thurn_wire.smtp.answer import Answer, Answered, ReplyReader, capabilities
from thurn_wire.smtp.command import Chunk, Command, Hello, Recipient
from thurn_wire.smtp.config import Profile
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.spelling import spell
from thurn_wire.smtp.state import CLIENT, State, Step

_LAST_IN_GROUP: Final = frozenset(
    {
        Step.GREETED,
        Step.HELLO,
        Step.DATA,
        Step.AUTH,
        Step.STARTTLS,
        Step.NOOP,
        Step.QUIT,
        Step.VRFY,
        Step.EXPN,
        Step.HELP,
    }
)
"""Nothing may be sent behind these before they are answered. RFC 2920 §3.1."""
_ASKING: Final = {Step.DATA: 354, Step.AUTH: 334}
"""The only 3xx answers. RFC 5321 §4.3.2, RFC 4954 §4."""
MOVED_BY_ANSWER: Final = frozenset({Step.HELLO, Step.STARTTLS, Step.AUTH, Step.QUIT})
"""Commands that move the client when they are answered; others move it when they are sent."""


class SmtpClient:
    """One dialogue; see the head of this file.

    Args:
        profile: LMTP changes the hello and the replies after content.
        tls_active: TLS is active from the first octet.

    Attributes:
        tls_active: TLS is active.
        authenticated: a SASL exchange succeeded.
        capabilities: keyword of EHLO in upper case to its parameters; empty before EHLO and after
            STARTTLS.
    """

    __slots__ = (
        "_accepted",
        "_dialogue",
        "_expected",
        "_lines",
        "_lmtp",
        "_may_send_content",
        "_reader",
        "authenticated",
        "capabilities",
        "tls_active",
    )

    def __init__(self, profile: Profile = Profile.SMTP, *, tls_active: bool = False) -> None:
        self.tls_active = tls_active
        self.authenticated = False
        self.capabilities: Mapping[str, tuple[str, ...]] = {}
        self._dialogue = Dialogue(CLIENT)
        self._lmtp = profile is Profile.LMTP
        self._lines = LineBuffer()
        self._reader = ReplyReader()
        # What is sent and not answered, with the recipient that it is about.
        self._expected: deque[tuple[Step, bytes | None]] = deque([(Step.GREETED, None)])
        self._accepted: list[bytes] = []  # recipients of the open transaction
        self._may_send_content = False  # 354 has come

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
            RemoteProtocolError: see rule 4; afterwards `Closed`.
        """
        state = self.state
        is_turn = state is State.TLS_HANDSHAKE or (state is State.CHALLENGED and not self._expected)
        if is_turn and not self._dialogue.has_ended:  # nobody answers a server that has gone
            return PAUSED
        try:
            answer = None if self._dialogue.is_closed else self._read()
        except RemoteProtocolError:
            self._close(Reason.FOREIGN)
            raise
        return self._wait() if answer is None else answer

    def send(self, request: Command) -> None:
        """Send a command; the content follows 354 to DATA by `send_content`.

        Raises:
            LocalProtocolError: the command is not possible now, or cannot be sent.
        """
        octets = spell(request)
        step = request.STEP
        self._check_turn(step)
        match request:
            case Hello(verb) if (verb == "LHLO") is not self._lmtp:  # RFC 2033 §4.1
                raise LocalProtocolError(f"{verb} in the other protocol")
            case Chunk(last=True):
                self._dialogue.move(step)
                self._end_message(octets)
            case Recipient(path):
                self._send(step, octets, path)
            case _:
                self._send(step, octets)

    def data_to_send(self) -> bytes:
        """Everything sent since the last call."""
        return self._dialogue.take_output()

    def send_failed(self) -> None:
        """The octets of `data_to_send` could not be sent: the dialogue is over."""
        self._dialogue.take_output()
        self._close(Reason.SEND_FAILED)

    def tls_started(self) -> None:
        """The TLS handshake is done: forget everything from before it. RFC 3207 §4.2.

        Raises:
            RemoteProtocolError: octets came in the clear: the connection must be closed.
        """
        self._dialogue.move(Step.TLS_STARTED)
        if self._lines.discard():
            self._close(Reason.FOREIGN)
            raise RemoteProtocolError("octets before the handshake")
        self._reader = ReplyReader()
        self.tls_active, self.authenticated = True, False
        self.capabilities = {}

    # --- further verbs of the client

    def send_content(self, octets: bytes) -> None:
        """Send the whole content after 354, stuffed, with the end of data. RFC 5321 §4.1.1.4.

        Raises:
            LocalProtocolError: 354 has not come.
        """
        if not self._may_send_content:
            raise LocalProtocolError("content before 354")
        self._may_send_content = False
        self._end_message(stuff(octets))

    def respond(self, octets: bytes) -> None:
        """Respond to a challenge. RFC 4954 §4."""
        self._exchange(sasl.encode(octets))

    def cancel(self) -> None:
        """End the SASL exchange; the server will refuse it. RFC 4954 §4."""
        self._exchange(sasl.CANCEL)

    # --- sending

    def _check_turn(self, step: Step) -> None:
        if self._expected:
            if self._expected[-1][0] in _LAST_IN_GROUP:  # RFC 2920 §3.1
                raise LocalProtocolError(f"{step.name} before an answer that must come first")
            if "PIPELINING" not in self.capabilities:
                raise LocalProtocolError(f"{step.name}: the server takes one at a time")
        if step is Step.STARTTLS and (self.tls_active or "STARTTLS" not in self.capabilities):
            raise LocalProtocolError("STARTTLS is not offered")

    def _send(self, step: Step, octets: bytes, path: bytes | None = None) -> None:
        state = CLIENT.follow(self.state, step)
        if step not in MOVED_BY_ANSWER:
            self._dialogue.state = state
        self._dialogue.write(octets)
        self._expected.append((step, path))

    def _exchange(self, line: bytes) -> None:
        if self.state is not State.CHALLENGED or self._expected:
            raise LocalProtocolError("no challenge waits for a response")
        self._dialogue.write(line + b"\r\n")
        self._expected.append((Step.AUTH, None))

    def _end_message(self, octets: bytes) -> None:
        self._dialogue.move(Step.MESSAGE_ENDED)
        self._dialogue.write(octets)
        self._expected.append((Step.MESSAGE_ENDED, None))

    # --- answers

    def _read(self) -> Answer | None:
        """The next answer, or None if more has to come."""
        reply = self._reader.next_reply(self._lines)
        return None if reply is None else self._take(reply)

    def _take(self, reply: Reply) -> Answer:
        """Find what this reply answers, and move."""
        if reply.code == 421:  # RFC 5321 §3.8: at any time
            step, path = self._expected[0] if self._expected else (Step.STOPPED, None)
            self._close(Reason.REFUSED)
            return Answered(step, reply, path)
        if not self._expected:
            raise RemoteProtocolError("reply without a command")
        step, path = self._expected.popleft()
        if 300 <= reply.code < 400 and _ASKING.get(step) != reply.code:
            raise RemoteProtocolError(f"{reply.code} does not answer {step.name}")
        if step is Step.MESSAGE_ENDED and path is None and self._lmtp and self._accepted:
            # RFC 2033 §4.2: one reply per accepted recipient, in order.
            path, *others = self._accepted
            self._accepted = []
            self._expected.extendleft((step, each) for each in reversed(others))
        if step is Step.AUTH:
            return self._authentication(reply)
        if step is Step.GREETED:
            self._greeting(reply)
        elif step in MOVED_BY_ANSWER:
            self._moved(step, reply)
        else:
            self._transaction(step, reply, path)
        return Answered(step, reply, path)

    def _greeting(self, reply: Reply) -> None:
        if reply.is_positive and reply.code != 220:
            raise RemoteProtocolError(f"{reply.code} is not a greeting")
        self._dialogue.move(Step.GREETED if reply.is_positive else Step.REFUSED)

    def _moved(self, step: Step, reply: Reply) -> None:
        """The answers to HELLO, STARTTLS and QUIT."""
        if step is Step.QUIT:
            self._close(Reason.QUIT)
        elif reply.is_positive:
            self._dialogue.move(step)
            if step is Step.HELLO:
                self.capabilities = capabilities(reply.text[1:])
            elif len(self._lines):
                raise RemoteProtocolError("octets behind the answer to STARTTLS")

    def _authentication(self, reply: Reply) -> Answer:
        if reply.code == 334:
            self._dialogue.move(Step.CHALLENGE)
            octets = sasl.decode(reply.text[0].strip().encode())
            if octets is None:
                raise RemoteProtocolError("a challenge that is not base64")
            return Challenge(octets)
        self._dialogue.move(Step.AUTH if reply.is_positive else Step.REFUSED)
        self.authenticated = self.authenticated or reply.is_positive
        return Answered(Step.AUTH, reply)

    def _transaction(self, step: Step, reply: Reply, path: bytes | None) -> None:
        if step in {Step.MAIL, Step.RSET}:
            self._accepted = []
        elif step is Step.RCPT and reply.is_positive:
            self._accepted.append(path or b"")
        elif step is Step.BDAT and not reply.is_positive:
            self._accepted = []
        if step is Step.DATA and reply.is_positive:
            if reply.code != 354:
                raise RemoteProtocolError(f"{reply.code} answers DATA")
            self._may_send_content = True
        elif not reply.is_positive and (step, self.state) in _FAILING:
            self._dialogue.move(Step.TRANSACTION_FAILED)

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


_FAILING: Final = frozenset(
    {
        (Step.MAIL, State.SENDER),
        (Step.DATA, State.CONTENT),
        # RFC 3030 §2: a refused BDAT ends the transaction.
        (Step.BDAT, State.CHUNKS),
    }
)
"""Commands whose refusal ends what they began, each with the state that it began."""
