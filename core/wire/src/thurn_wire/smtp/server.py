"""The server side of SMTP and LMTP: octets in, events out, replies in, octets out.

    engine = SmtpServer(SmtpConfig("mail.example.org"))
    engine.receive_data(octets)          b"" when the peer has ended the stream
    engine.next_event()                  an Event, NEED_DATA or PAUSED
    engine.accept()                      the usual positive reply to the last event
    engine.send(Reply(550, "5.1.1", ("No such mailbox",)))
    engine.data_to_send()                all replies since the last call, for one send
    engine.send_failed()                 the octets could not be sent: Closed follows

Rules of this file:
1. Whatever the peer sends, nothing is raised: refusals are replies, the end is `Closed`.
2. A complete command gets its reply before the next one is read; replies keep the order of the
   commands, and everything that one receive brought is answered by one send. RFC 2920 §3.2.
3. The state follows the table in `state.py`; what is read in which state is in `reading.py`, what a
   command does in `action.py`, what an answer does in `answering.py`.
4. Nothing from before STARTTLS is known after it. RFC 3207 §4.2.

This file knows no socket, no clock and no address grammar. RFC 5321, RFC 2033, RFC 3030, RFC 4954.
"""

from __future__ import annotations

from collections.abc import Sequence

from thurn_wire import sasl
from thurn_wire.error import LocalProtocolError
from thurn_wire.event import PAUSED, Pause, Reason
from thurn_wire.smtp import own_reply
from thurn_wire.smtp.answering import answer
from thurn_wire.smtp.capability import Offer
from thurn_wire.smtp.config import SmtpConfig
from thurn_wire.smtp.event import Event
from thurn_wire.smtp.reading import READERS
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.session import Session
from thurn_wire.smtp.state import State, Step


class SmtpServer:
    """One dialogue; see the head of this file.

    Args:
        config: the settings.
        tls_active: TLS is active from the first octet (submissions, RFC 8314 §3.3).
    """

    __slots__ = ("_session",)

    def __init__(self, config: SmtpConfig, *, tls_active: bool = False) -> None:
        self._session = Session(config, tls_active=tls_active)

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
    def authenticated(self) -> bool:
        """Whether a SASL exchange succeeded."""
        return self._session.authenticated

    @property
    def early_talker(self) -> bool:
        """Whether the peer sent octets before the greeting. RFC 5321 §3.1."""
        return self._session.early_talker

    @property
    def accepted_recipients(self) -> int:
        """How many recipients of the open transaction are accepted."""
        return self._session.transaction.accepted_recipients

    @property
    def held_octets(self) -> int:
        """Octets of the content under way that are in memory."""
        collecting = self._session.transaction.collecting
        return 0 if collecting is None else collecting.held_octets

    # --- the verbs of every engine

    def receive_data(self, octets: bytes) -> None:
        """Take what the peer sent; b"" is the end of its stream.

        At most 64 KiB at a time: an engine holds that and what the limits allow. Octets that come
        after the end are dropped.
        """
        session = self._session
        if not octets:
            session.has_ended = True
        elif not session.is_closed:
            if session.is_silent:
                session.is_silent = False
                session.is_foreign = octets[0] not in b"\t\r\n" and not 32 <= octets[0] < 127
                session.early_talker |= session.state is State.GREETING
            session.receive(octets)

    def next_event(self) -> Event | Pause:
        """What happens next; NEED_DATA and PAUSED mean that nothing can."""
        session = self._session
        if session.awaiting is not None:
            return PAUSED
        while True:
            event = READERS[session.state](session)
            if event is not None:
                return event

    def send(self, reply: Reply) -> None:
        """Answer the last event. 421 may be sent at any time and ends the dialogue.

        Raises:
            LocalProtocolError: nothing waits for an answer, or this cannot be the answer.
        """
        if reply.code == 421:  # RFC 5321 §3.8
            self._session.end(reply, Reason.REFUSED)
        else:
            answer(self._session, reply)

    def accept(self, *text: str) -> None:
        """Answer the last event with the usual positive reply.

        Args:
            text: replaces the text; in greetings and answers to EHLO it follows the hostname.

        Raises:
            LocalProtocolError: nothing waits for an answer.
        """
        config, step = self._session.config, self._session.awaiting
        if step is None:
            raise LocalProtocolError("no event waits for a reply")
        if step is Step.GREETED:
            self.send(own_reply.greeting(config, text))
        elif step is Step.HELLO:
            self.send(Reply(250, None, (" ".join((config.hostname, *text)),)))
        else:
            usual = own_reply.USUAL[step]
            self.send(Reply(usual.code, usual.enhanced, text) if text else usual)

    def data_to_send(self) -> bytes:
        """Everything written since the last call."""
        return self._session.take_output()

    def send_failed(self) -> None:
        """The octets of `data_to_send` could not be sent: the dialogue is over."""
        self._session.fail_sending()

    def tls_started(self) -> int:
        """The TLS handshake is done: forget everything from before it. RFC 3207 §4.2.

        Returns:
            The octets that came in the clear behind STARTTLS and were dropped: more than 0 means
            an attack or a broken client.
        """
        return self._session.forget_clear_text()

    # --- further verbs of the server

    def challenge(self, octets: bytes) -> None:
        """Answer `Auth` or `AuthResponse` with a challenge. RFC 4954 §4.

        Raises:
            LocalProtocolError: no exchange waits for it, or it is too long.
        """
        session = self._session
        if session.awaiting is not Step.AUTH:
            raise LocalProtocolError("no exchange waits for a challenge")
        line = b"334 " + sasl.encode(octets) + b"\r\n"
        if len(line) > sasl.LINE_OCTETS:
            raise LocalProtocolError("challenge too long")
        session.awaiting = None
        session.move(Step.CHALLENGE)
        session.write(line)

    def send_replies(self, replies: Sequence[Reply]) -> None:
        """Answer `Message`: for LMTP one reply per accepted RCPT, in order. RFC 2033 §4.2.

        Raises:
            LocalProtocolError: no message waits, or the number of replies is wrong.
        """
        session = self._session
        wanted = session.transaction.accepted_recipients if session.lmtp else 1
        if session.awaiting is not Step.MESSAGE_ENDED or len(replies) != wanted:
            raise LocalProtocolError(f"{wanted} replies to a message, not {len(replies)}")
        session.end_message(replies)

    def offer(self, offer: Offer) -> None:
        """Set what the client may use from now on; at first nothing is offered."""
        self._session.set_offer(offer)

    def count_error(self) -> None:
        """Count a refusal of the session's own (guessed recipients, wrong passwords)."""
        self._session.count_error()

    def spill(self) -> bytes:
        """Take the octets of the content under way out of memory, as of a `DataChunk`.

        From now on all that comes of this content is returned in `DataChunk`s.
        """
        collecting = self._session.transaction.collecting
        return b"" if collecting is None else collecting.spill()

    def drain(self) -> None:
        """Answer the next command, whatever it is, with 421, and close. RFC 5321 §3.8."""
        self._session.is_draining = True
