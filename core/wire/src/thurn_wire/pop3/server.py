"""The server side of POP3: octets in, events out, answers in, octets out.

Rules of this file:
1. The engine answers by itself whatever it can: CAPA, errors of every kind, and everything that the
   `Maildrop` knows. What needs a gate, a store or TLS is an event (`event.py`).
2. Commands are answered in their order. After an event nothing more is read until it is answered;
   all answers to one chunk are taken together with `data_to_send` (PIPELINING, RFC 2449 §6.6).
3. Nothing that a peer sends raises. `LocalProtocolError` means a bug of the caller.
4. The loop around it:

       engine.greet(); engine.offer(...)
       while True:
           event = engine.next_event()
           if event is NEED_DATA:      send engine.data_to_send(), then receive into receive_data
           elif event is OUTPUT_FULL:  send engine.data_to_send()
           elif it is Closed:          send, close, end
           else:                       answer it

   `receive_data` is only called on NEED_DATA, so what is buffered stays bounded.

This file knows no socket, no clock, no store.
"""

from __future__ import annotations

import binascii

from thurn_wire.linebuffer import LineBuffer, LineError, LineNeverEnds, LineTooLong
from thurn_wire.pop3 import action, command, content, limits, reply
from thurn_wire.pop3.capability import Offer, ServerConfig
from thurn_wire.pop3.command import CommandError, Verb
from thurn_wire.pop3.error import LocalProtocolError
from thurn_wire.pop3.event import (
    NEED_DATA,
    OUTPUT_FULL,
    PAUSED,
    AuthCancelled,
    AuthResponse,
    Closed,
    Event,
    Pause,
    Reason,
)
from thurn_wire.pop3.maildrop import Maildrop
from thurn_wire.pop3.reply import ResponseCode
from thurn_wire.pop3.session import Session
from thurn_wire.pop3.state import COMMANDING, READING, SERVER, State, Step

_LOGGING_IN = frozenset((State.PASSWORD_GIVEN, State.RESPONSE_GIVEN))


class Pop3Server:
    r"""One session, as the server sees it.

    >>> engine = Pop3Server(ServerConfig(greeting="hello"))
    >>> engine.greet()
    >>> engine.receive_data(b"NOOP\r\nQUIT\r\n")
    >>> engine.next_event()
    Closed(reason=<Reason.QUIT: 'quit'>)
    >>> engine.data_to_send()
    b'+OK hello\r\n-ERR log in first\r\n+OK bye\r\n'
    """

    __slots__ = (
        "_commands_before_login",
        "_draining",
        "_ended",
        "_errors",
        "_fresh",
        "_lines",
        "_session",
        "_stuffer",
    )

    def __init__(self, config: ServerConfig, *, secured: bool = False) -> None:
        """Begin a session.

        Args:
            config: the site's settings.
            secured: TLS is up already (pop3s, RFC 8314 §3.3); STLS is then never possible.
        """
        self._session = Session(config, secured=secured)
        self._lines = LineBuffer()
        self._stuffer: content.Stuffer | None = None
        self._errors = 0
        self._commands_before_login = 0
        self._fresh = True
        self._ended = False
        self._draining = False

    # What the listener says about the session.

    @property
    def state(self) -> State:
        """Where the session is."""
        return self._session.state

    @property
    def secured(self) -> bool:
        """Whether TLS is up."""
        return self._session.secured

    @property
    def output_octets(self) -> int:
        """How much `data_to_send` would return."""
        return self._session.output_octets

    def greet(self, timestamp: str = "") -> None:
        """Say the greeting. RFC 1939 §4.

        Args:
            timestamp: `<unique@host>` for APOP, different in each session. RFC 1939 §7 (APOP).
        """
        session = self._session
        session.move(Step.GREETED)
        session.timestamp = timestamp
        session.write(reply.ok(f"{session.config.greeting} {timestamp}".rstrip()))

    def refuse_session(self, text: str, code: ResponseCode | None = None) -> None:
        """Say -ERR instead of the greeting; the session is over."""
        if self._session.state is not State.GREETING:
            raise LocalProtocolError("the greeting was said")
        self._session.move(Step.DENIED)
        self._session.reason = Reason.REFUSED
        self._session.write(reply.error(text, code))

    def offer(self, offer: Offer) -> None:
        """Say how the client may log in from now on; at first, and after STLS, there is no way."""
        if offer.apop and not self._session.timestamp:
            raise LocalProtocolError("APOP needs a timestamp in the greeting")
        self._session.offer = offer

    def drain(self) -> None:
        """Refuse the next command with [SYS/TEMP] and end, unless it is QUIT (shutdown)."""
        self._draining = True

    # Octets.

    def receive_data(self, data: bytes) -> None:
        """Take what the peer sent; b"" says that it sends nothing more."""
        if not data:
            self._ended = True
        elif not self._ended and self._session.state is not State.CLOSED:
            if self._fresh and data.startswith(command.TLS_HANDSHAKE):
                # A TLS client on the port for clear text: nothing we can say would be read.
                self._session.reason = Reason.FOREIGN
                self._ended = True
                return
            self._fresh = False
            self._lines.receive(data)

    def data_to_send(self) -> bytes:
        """Everything to send, in order; it is then forgotten."""
        return self._session.take_output()

    def send_failed(self) -> None:
        """The peer did not get what was to be sent: the session is over, nothing is deleted."""
        self._session.take_output()
        if self._session.state is not State.CLOSED:
            self._stop(Reason.SEND_FAILED)

    def next_event(self) -> Event | Pause:
        """The next thing that the listener must do, after answering all that is before it."""
        session = self._session
        while True:
            state = session.state
            if state is State.CLOSED:
                return Closed(session.reason)
            if state not in READING:
                return PAUSED
            if session.output_octets >= limits.OUTPUT_OCTETS:
                return OUTPUT_FULL
            event = self._read_line(commanding=state in COMMANDING)
            if event is not None:
                return event

    # Answers of the listener.

    def accept_login(self, maildrop: Maildrop, text: str = "") -> None:
        """The login is good and the maildrop is locked: +OK. RFC 1939 §4."""
        self._session.move(Step.ACCEPTED)
        self._session.maildrop = maildrop
        self._session.write(reply.ok(text or action.contents(maildrop)))

    def challenge(self, challenge: bytes) -> None:
        """The mechanism asks for one more response. RFC 5034 §4."""
        self._session.move(Step.CHALLENGE)
        encoded = binascii.b2a_base64(challenge, newline=False)
        self._session.write(b"+ " + encoded + b"\r\n")

    def reply_ok(self, text: str) -> None:
        """Say +OK to STLS, or to QUIT once the messages are removed."""
        session = self._session
        if session.state is State.UPDATE:
            session.reason = Reason.QUIT
        elif session.state is not State.TLS_ASKED:
            raise LocalProtocolError(f"nothing to say +OK to in state {session.state.value!r}")
        session.move(Step.AGREED)
        session.write(reply.ok(text))

    def reply_error(self, text: str, code: ResponseCode | None = None) -> None:
        """Say -ERR to the last event; a refused login counts as an error of the session."""
        session = self._session
        state = session.state
        if state is State.GREETING:
            raise LocalProtocolError("refuse_session says -ERR for a greeting")
        session.move(Step.DENIED)
        session.write(reply.error(text, code))
        if state is State.UPDATE:
            session.reason = Reason.QUIT
        elif state in _LOGGING_IN:
            self._count_error()

    def tls_started(self) -> int:
        """TLS is up: everything from before is forgotten. RFC 2595 §4.

        Returns:
            Octets that came in the clear behind STLS and were dropped (somebody tried).
        """
        self._session.move(Step.SECURED)
        self._session.forget_clear_text()
        # CVE-2011-0411: nothing that came in the clear is read under TLS; the reader is new.
        early = len(self._lines)
        self._lines = LineBuffer()
        return early

    def reply_message(self, message: bytes, text: str = "") -> None:
        """Send a whole message, or what TOP makes of it."""
        session = self._session
        if session.state is not State.MESSAGE_ASKED:
            raise LocalProtocolError("no message was asked for")
        session.move(Step.AGREED)
        if text:
            session.write(reply.ok(text))
        else:
            session.write(b"+OK %d octets\r\n" % content.size_octets(message))
        session.write(content.stuff(message))
        session.write(content.terminator(message))

    def begin_message(self, text: str = "message follows") -> None:
        """Begin a message that comes in chunks; send what waits between them.

        If the content cannot be read to its end, call `send_failed` and close: a client must not
        take a part for the whole.
        """
        self._session.move(Step.MESSAGE_BEGUN)
        self._stuffer = content.Stuffer()
        self._session.write(reply.ok(text))

    def send_chunk(self, chunk: bytes) -> None:
        """Send the next octets of the message."""
        if self._stuffer is None:
            raise LocalProtocolError("no message was begun")
        self._session.write(self._stuffer.chunk(chunk))

    def end_message(self) -> None:
        """The message is whole."""
        if self._stuffer is None:
            raise LocalProtocolError("no message was begun")
        self._session.move(Step.MESSAGE_ENDED)
        self._session.write(self._stuffer.end())
        self._stuffer = None

    # Reading.

    def _read_line(self, *, commanding: bool) -> Event | Pause | None:
        """Read a line; None: it is answered, go on."""
        # Before login AUTH may bring its initial response; after it every line is short.
        short = self._session.state is State.TRANSACTION
        try:
            line = self._lines.next_line(limits.COMMAND_OCTETS if short else limits.AUTH_OCTETS)
        except LineNeverEnds:
            self._session.write(reply.error("line too long"))
            self._stop(Reason.FOREIGN)
            return None
        except LineError as error:
            text = "line too long" if isinstance(error, LineTooLong) else "lines end in CR LF"
            return self._refuse(text) if commanding else self._cancel(text)
        if line is not None:
            return self._command(line) if commanding else self._response(line)
        if self._ended:
            # RFC 1939 §6: without QUIT nothing is deleted. A line without its end is no command.
            self._stop(self._session.reason)
            return None
        return NEED_DATA

    def _command(self, line: bytes) -> Event | None:
        octets, argument = command.split(line)
        verb = command.VERBS.get(octets)
        if verb is None:
            return self._unknown(octets)
        if not self._session.logged_in:
            self._commands_before_login += 1
            if self._commands_before_login > limits.IDLE_COMMANDS:
                return self._end("too many commands", None, Reason.TOO_MANY_ERRORS)
        if self._draining and verb is not Verb.QUIT:
            text = "shutting down, try again"
            return self._end(text, ResponseCode.SYSTEM_TEMPORARY, Reason.DRAINED)
        if SERVER[self._session.state][verb] is None:
            return self._refuse(self._misplaced(verb))
        if len(line) + 2 > limits.COMMAND_OCTETS and verb is not Verb.AUTH:
            return self._refuse("line too long")
        try:
            return action.ACTIONS[verb](self._session, argument)
        except CommandError as error:
            return self._refuse(str(error), error.code)

    def _unknown(self, octets: bytes) -> Event | None:
        if octets in command.FOREIGN_VERBS:
            return self._end("this is a POP3 server", None, Reason.FOREIGN)
        return self._refuse("unknown command")

    def _misplaced(self, verb: Verb) -> str:
        if self._session.logged_in:
            return "only possible before login"
        return "USER comes first" if verb is Verb.PASS else "log in first"

    def _response(self, line: bytes) -> Event:
        if line == b"*":
            # RFC 5034 §4: the client cancels.
            return self._cancel("cancelled")
        try:
            response = command.base64(line)
        except CommandError as error:
            return self._cancel(str(error))
        self._session.move(Step.RESPONSE)
        return AuthResponse(response)

    def _refuse(self, text: str, code: ResponseCode | None = None) -> Event | None:
        self._session.move(Step.REFUSED)
        self._session.write(reply.error(text, code))
        self._count_error()
        return None

    def _cancel(self, text: str) -> Event:
        self._session.move(Step.CANCELLED)
        self._session.write(reply.error(text))
        self._count_error()
        return AuthCancelled()

    def _end(self, text: str, code: ResponseCode | None, reason: Reason) -> Event | None:
        self._session.write(reply.error(text, code))
        self._stop(reason)
        return None

    def _count_error(self) -> None:
        self._errors += 1
        if self._errors >= limits.ERRORS:
            self._stop(Reason.TOO_MANY_ERRORS)

    def _stop(self, reason: Reason) -> None:
        self._session.move(Step.STOPPED)
        self._session.reason = reason
        self._session.maildrop = None
        self._lines.discard()
        self._stuffer = None
