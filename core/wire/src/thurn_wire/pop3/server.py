r"""The server side of POP3: octets in, events out, replies in, octets out.

    engine = Pop3Server(Pop3Config())
    engine.receive_data(octets)          b"" when the peer has ended the stream
    engine.next_event()                  an Event, NEED_DATA, PAUSED or OUTPUT_FULL
    engine.accept()                      the usual positive reply to the last event
    engine.send(error("try again later", ResponseCode.SYSTEM_TEMPORARY))
    engine.data_to_send()                all replies since the last call, for one send
    engine.send_failed()                 the octets could not be sent: Closed follows

Rules of this file:
1. Whatever the peer sends, nothing is raised: refusals are replies, the end is `Closed`.
2. The engine answers by itself what it can: CAPA, errors of every kind, and everything that the
   `Maildrop` knows. What needs a gate, a store or TLS is an event.
3. Commands are answered in their order, and the answers to everything that one receive brought are
   sent together. RFC 2449 §6.6.
4. The state follows the table in `state.py`; what is read in which state is in `reading.py`, what a
   command does in `action.py`.
5. Call `receive_data` only on NEED_DATA: then what is buffered stays bounded.

This file knows no socket, no clock, no store.
"""

from __future__ import annotations

from typing import Final

from thurn_wire import sasl
from thurn_wire.error import LocalProtocolError
from thurn_wire.event import PAUSED, Pause, Reason
from thurn_wire.foreign import TLS_HANDSHAKE
from thurn_wire.pop3 import action, content
from thurn_wire.pop3.capability import Offer
from thurn_wire.pop3.config import Pop3Config
from thurn_wire.pop3.event import Event
from thurn_wire.pop3.maildrop import Maildrop
from thurn_wire.pop3.reading import READERS
from thurn_wire.pop3.reply import Reply, ok
from thurn_wire.pop3.session import Session
from thurn_wire.pop3.state import State, Step

_LOGINS: Final = frozenset({Step.PASS, Step.APOP, Step.AUTH})
_MESSAGES: Final = frozenset({Step.RETR, Step.TOP})


class Pop3Server:
    r"""One dialogue; see the head of this file.

    >>> engine = Pop3Server(Pop3Config(greeting="hello"))
    >>> engine.next_event()
    Connected()
    >>> engine.accept()
    >>> engine.receive_data(b"NOOP\r\nQUIT\r\n")
    >>> engine.next_event()
    Closed(reason=<Reason.QUIT: 'quit'>)
    >>> engine.data_to_send()
    b'+OK hello\r\n-ERR log in first\r\n+OK bye\r\n'

    Args:
        config: the settings of the site.
        tls_active: TLS is active from the first octet (pop3s, RFC 8314 §3.3).
        timestamp: `<unique@host>` for APOP, different in each session; empty: APOP is not possible.
            RFC 1939 §7 (APOP).
    """

    __slots__ = ("_session",)

    def __init__(
        self, config: Pop3Config, *, tls_active: bool = False, timestamp: str = ""
    ) -> None:
        self._session = Session(config, tls_active=tls_active, timestamp=timestamp)

    # --- what may be read

    @property
    def state(self) -> State:
        """Where the dialogue is."""
        return self._session.state

    @property
    def tls_active(self) -> bool:
        """Whether TLS is active."""
        return self._session.tls_active

    @property
    def output_octets(self) -> int:
        """The octets that `data_to_send` would return, counted."""
        return self._session.output_octets

    # --- the verbs of every engine

    def receive_data(self, octets: bytes) -> None:
        """Take what the peer sent; b"" is the end of its stream."""
        session = self._session
        if not octets:
            session.has_ended = True
        elif not session.has_ended and not session.is_closed:
            if session.is_silent:
                session.is_silent = False
                session.is_foreign = octets.startswith(TLS_HANDSHAKE)
            session.lines.receive(octets)

    def next_event(self) -> Event | Pause:
        """What happens next; the pauses mean that nothing can."""
        session = self._session
        if session.awaiting is not None:
            return PAUSED
        while True:
            event = READERS[session.state](session)
            if event is not None:
                return event

    def send(self, reply: Reply) -> None:
        """Answer the last event. A refused login counts as an error of the session.

        A positive greeting is followed by the timestamp.

        Raises:
            LocalProtocolError: nothing waits for an answer, or the positive answer needs more:
                `accept_login`, `send_message`.
        """
        session = self._session
        step = session.awaiting
        if step is None:
            raise LocalProtocolError("no event waits for a reply")
        if reply.is_positive and (step in _LOGINS or step in _MESSAGES):
            raise LocalProtocolError("+OK to this comes from accept_login or send_message")
        if step is Step.GREETED and reply.is_positive:
            reply = ok(f"{reply.text} {session.timestamp}".rstrip())  # RFC 1939 §7 (APOP)
        session.awaiting = None
        session.say(reply)
        session.move(step if reply.is_positive else Step.REFUSED)
        if session.is_closed:
            session.close(Reason.QUIT if step is Step.UPDATED else Reason.REFUSED)
        elif step in _LOGINS:
            session.count_error()

    def accept(self, text: str = "") -> None:
        """Answer the last event with the usual positive reply.

        Args:
            text: replaces the text of the reply.

        Raises:
            LocalProtocolError: as for `send`.
        """
        session = self._session
        if session.awaiting is Step.GREETED:
            text = text or session.config.greeting
        elif session.awaiting is Step.STARTTLS:
            text = text or "begin TLS"
        self.send(ok(text))

    def data_to_send(self) -> bytes:
        """Everything written since the last call."""
        return self._session.take_output()

    def send_failed(self) -> None:
        """The octets of `data_to_send` could not be sent: the dialogue is over.

        Nothing is deleted. RFC 1939 §6.
        """
        self._session.fail_sending()

    def tls_started(self) -> int:
        """The TLS handshake is done: forget everything from before it. RFC 2595 §4.

        Returns:
            The octets that came in the clear behind STLS and were dropped: more than 0 means an
            attack or a broken client.
        """
        return self._session.forget_clear_text()

    # --- further verbs of the server

    def challenge(self, octets: bytes) -> None:
        """Answer `Auth` or `AuthResponse` with a challenge. RFC 5034 §4.

        Raises:
            LocalProtocolError: no exchange waits for it, or it is too long.
        """
        session = self._session
        if session.awaiting is not Step.AUTH:
            raise LocalProtocolError("no exchange waits for a challenge")
        line = b"+ " + sasl.encode(octets) + b"\r\n"
        if len(line) > sasl.LINE_OCTETS:
            raise LocalProtocolError("challenge too long")
        session.awaiting = None
        session.move(Step.CHALLENGE)
        session.write(line)

    def accept_login(self, maildrop: Maildrop, text: str = "") -> None:
        """Answer a login with +OK: it is right, and the maildrop is locked. RFC 1939 §4.

        Raises:
            LocalProtocolError: no login waits for an answer.
        """
        session = self._session
        step = session.awaiting
        if step is None or step not in _LOGINS:
            raise LocalProtocolError("no login waits for an answer")
        session.awaiting = None
        session.move(step)
        session.maildrop = maildrop
        session.say(ok(text or action.contents(maildrop)))

    def send_message(self, message: bytes, text: str = "") -> None:
        """Answer RETR or TOP with a whole message, or with what TOP makes of it.

        Raises:
            LocalProtocolError: no message was asked for.
        """
        session = self._session
        session.move(self._take_message_step())
        if text:
            session.say(ok(text))
        else:
            session.write(b"+OK %d octets\r\n" % content.size_octets(message))
        session.write(content.stuff(message))
        session.write(content.terminator(message))

    def begin_message(self, text: str = "message follows") -> None:
        """Answer RETR or TOP with a message that comes in chunks; send output between them.

        If the content cannot be read to its end, call `send_failed` and close: a client must not
        take a part for the whole.

        Raises:
            LocalProtocolError: no message was asked for.
        """
        session = self._session
        self._take_message_step()
        session.move(Step.MESSAGE_BEGUN)
        session.stuffer = content.Stuffer()
        session.say(ok(text))

    def send_chunk(self, chunk: bytes) -> None:
        """Send the next octets of the message that was begun.

        Raises:
            LocalProtocolError: no message was begun.
        """
        session = self._session
        if session.stuffer is None:
            raise LocalProtocolError("no message was begun")
        session.write(session.stuffer.chunk(chunk))

    def end_message(self) -> None:
        """End the message that was begun.

        Raises:
            LocalProtocolError: no message was begun.
        """
        session = self._session
        if session.stuffer is None:
            raise LocalProtocolError("no message was begun")
        session.move(Step.MESSAGE_ENDED)
        session.write(session.stuffer.end())
        session.stuffer = None

    def offer(self, offer: Offer) -> None:
        """Set how the client may log in from now on; at first, and after STLS, there is no way.

        Raises:
            LocalProtocolError: APOP without a timestamp.
        """
        if offer.apop and not self._session.timestamp:
            raise LocalProtocolError("APOP needs a timestamp in the greeting")
        self._session.offer = offer

    def drain(self) -> None:
        """Refuse the next command but QUIT with [SYS/TEMP], and close (shutdown)."""
        self._session.is_draining = True

    def _take_message_step(self) -> Step:
        step = self._session.awaiting
        if step is None or step not in _MESSAGES:
            raise LocalProtocolError("no message was asked for")
        self._session.awaiting = None
        return step
