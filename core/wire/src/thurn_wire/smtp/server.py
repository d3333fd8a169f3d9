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
2. A command that is complete gets its reply before the next is read; replies keep the order of
   the commands, and all that one receive brought is answered by one send. RFC 2920 §3.2.
3. A command's state comes from the table in `state.py`; a refusal by grammar or sequence changes
   nothing.
4. Nothing from before STARTTLS is known after it. RFC 3207 §4.2.

This file knows no socket, no clock and no address grammar. RFC 5321, RFC 2033, RFC 3030, RFC 4954.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from thurn_wire.content import Collector
from thurn_wire.enddata import EndOfData
from thurn_wire.smtp import answer, command, event, extension, limits
from thurn_wire.smtp.dialogue import Discard
from thurn_wire.smtp.error import LocalProtocolError
from thurn_wire.smtp.event import PAUSED, Event, Pause, Reason
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.server_command import CommandReading
from thurn_wire.smtp.state import SERVER, Input, State, follow


class SmtpServer(CommandReading):
    """One dialogue; see the head of this file.

    Args:
        config: the settings.
        tls_active: TLS is there from the first octet (submissions).
    """

    # --- the four verbs and what belongs to them

    def receive_data(self, octets: bytes) -> None:
        """Take what the peer sent; b"" is the end of its stream.

        At most 64 KiB at a time: that, and the limits, is what a dialogue holds. Octets that come
        while TLS is being started, or after the end, are dropped.
        """
        if not octets:
            self._eof = True
        elif self.state is not State.SECURING and self.state is not State.CLOSED:
            if self._silent:
                self._silent = False
                self._foreign = octets[0] not in b"\t\r\n" and not 32 <= octets[0] < 127
            if self.state is State.CONNECTED:
                self.early_talker = True
            self._lines.receive(octets)

    def next_event(self) -> Event | Pause:
        """What happens next; NEED_DATA and PAUSED say that nothing can."""
        if self._awaiting is not None:
            return PAUSED
        while True:
            happened = self._READERS[self.state](self)
            if happened is not None:
                return happened

    def send(self, reply: Reply) -> None:
        """Answer the last event. 421 may be sent at any time and ends the dialogue.

        Raises:
            LocalProtocolError: nothing waits for an answer, or this cannot be one.
        """
        if reply.code == 421:  # RFC 5321 §3.8
            self._out.append(reply.encode())
            self._close(Reason.REFUSED)
            return
        awaiting = self._awaiting
        if awaiting is None:
            raise LocalProtocolError("no event waits for a reply")
        if 300 <= reply.code < 400 and awaiting not in {Input.DATA, Input.BDAT}:
            raise LocalProtocolError(f"{reply.code} asks for more; the state takes no more")
        self._ANSWERS[awaiting](self, reply)

    def accept(self, *text: str) -> None:
        """Answer the last event with the usual positive reply.

        Args:
            text: replaces the words; in greeting and hello it follows the host's name.
        """
        if self._awaiting is None:
            raise LocalProtocolError("no event waits for a reply")
        if self._awaiting is Input.GREETED:
            self.send(answer.greeting(self.config, text))
        elif self._awaiting is Input.HELLO:
            self.send(Reply(250, None, (" ".join((self.config.hostname, *text)),)))
        else:
            usual = answer.USUAL[self._awaiting]
            self.send(Reply(usual.code, usual.enhanced, text) if text else usual)

    def data_to_send(self) -> bytes:
        """Everything said since the last call."""
        octets = b"".join(self._out)
        self._out.clear()
        return octets

    def send_failed(self) -> None:
        """What `data_to_send` gave did not go out: the dialogue is over."""
        self._out.clear()
        self._close(Reason.SEND_FAILED)

    # --- further verbs of the session

    def challenge(self, octets: bytes) -> None:
        """Answer `Auth` or `AuthResponse` with 334 and this. RFC 4954 §4."""
        if self._awaiting is not Input.AUTH:
            raise LocalProtocolError("no exchange waits for a challenge")
        line = b"334 " + command.encode_base64(octets) + b"\r\n"
        if len(line) > limits.AUTH_LINE_OCTETS:
            raise LocalProtocolError("challenge too long")
        if self.state is not State.AUTHENTICATING:
            self.state = follow(SERVER, self.state, Input.AUTH)
        self._out.append(line)
        self._awaiting = None

    def send_replies(self, replies: Sequence[Reply]) -> None:
        """Answer `Message`: for LMTP one reply per accepted RCPT, in order. RFC 2033 §4.2."""
        wanted = self.accepted_recipients if self._lmtp else 1
        if self._awaiting is not Input.MESSAGE_ENDED or len(replies) != wanted:
            raise LocalProtocolError(f"{wanted} replies to a message, not {len(replies)}")
        self._answer_message(replies)

    def tls_started(self) -> None:
        """The handshake is done: everything before it is forgotten. RFC 3207 §4.2."""
        self.state = follow(SERVER, self.state, Input.TLS_STARTED)
        self.tls_active = True
        self.authenticated = False
        self._silent, self._foreign = True, False
        self._hello_verb = ""
        self._forget_transaction()
        self.offer()

    def drain(self) -> None:
        """Say 421 to the next command, whatever it is, and close. RFC 5321 §3.8."""
        self._draining = True

    # --- answers, one way for each event that waits

    def _answer_greeting(self, reply: Reply) -> None:
        if reply.code not in {220, 554}:
            raise LocalProtocolError(f"{reply.code} is no greeting")
        given = Input.GREETED if reply.code == 220 else Input.REFUSED
        self._take_answer(reply)
        self.state = follow(SERVER, self.state, given)

    def _answer_hello(self, reply: Reply) -> None:
        if not reply.is_positive:
            self._take_answer(reply)
            return
        if self._hello_verb != "HELO":
            lines = extension.keywords(
                size_octets=self.config.size_octets,
                chunking=self.config.chunking,
                smtputf8=self.config.smtputf8,
                starttls=self._starttls and not self.tls_active,
                mechanisms=() if self.authenticated else self._mechanisms,
                extensions=self.config.extensions,
            )
            reply = Reply(reply.code, None, (reply.text[0], *lines))
        self._take_answer(reply)
        self.state = follow(SERVER, self.state, Input.HELLO)
        self._forget_transaction()

    def _answer_command(self, reply: Reply) -> None:
        awaiting = self._take_answer(reply)
        if 200 <= reply.code < 300:
            self.state = follow(SERVER, self.state, awaiting)
            if awaiting is Input.RCPT:
                self.accepted_recipients += 1
        elif awaiting is Input.RCPT:
            self._refused_recipients = True

    def _answer_data(self, reply: Reply) -> None:
        if reply.code != 354:
            if reply.is_positive:
                raise LocalProtocolError(f"{reply.code} does not answer DATA")
            self._take_answer(reply)
            return
        self._take_answer(reply)
        self.state = follow(SERVER, self.state, Input.DATA)
        self._end = EndOfData(self.config.size_octets, self.config.spill_octets)

    def _answer_chunk(self, reply: Reply) -> None:
        if reply.code == 354:
            self.state = follow(SERVER, self.state, Input.BDAT)
            self._collector = Collector(self.config.size_octets, self.config.spill_octets)
        elif reply.is_positive:
            raise LocalProtocolError(f"{reply.code} does not answer BDAT")
        else:
            self._discarding = Discard(self._for_each(reply, whole=self._last), counts=False)
            self.state = follow(SERVER, self.state, Input.TRANSACTION_FAILED)
            self._forget_transaction()
        self._awaiting = None

    def _answer_one(self, reply: Reply) -> None:
        self._answer_message(self._for_each(reply, whole=True))

    def _answer_tls(self, reply: Reply) -> None:
        self._take_answer(reply)
        if reply.code == 220:
            self.state = follow(SERVER, self.state, Input.STARTTLS)
            self._lines.discard()  # RFC 3207 §4.2; CVE-2011-0411

    def _answer_auth(self, reply: Reply) -> None:
        if reply.is_positive and reply.code != 235:
            raise LocalProtocolError(f"{reply.code} does not end an exchange")
        self._take_answer(reply)
        if self.state is State.AUTHENTICATING:
            self.state = follow(SERVER, self.state, Input.AUTH_ENDED)
        if reply.is_positive:
            self.authenticated = True
            self.offer()

    # --- reading where nothing is to be read

    def _read_nothing(self) -> Event | Pause:
        return PAUSED

    def _read_greeting(self) -> Event:
        self._awaiting = Input.GREETED
        return event.Connected()

    _READERS: ClassVar[Mapping[State, Callable[[SmtpServer], Event | Pause | None]]] = {
        State.CONNECTED: _read_greeting,
        State.TURNED_AWAY: CommandReading.read_command,
        State.START: CommandReading.read_command,
        State.READY: CommandReading.read_command,
        State.SECURING: _read_nothing,
        State.AUTHENTICATING: CommandReading.read_response,
        State.SENDER: CommandReading.read_command,
        State.RECIPIENT: CommandReading.read_command,
        State.CONTENT: CommandReading.read_content,
        State.CHUNK: CommandReading.read_chunk,
        State.CHUNKS: CommandReading.read_command,
        State.CLOSED: CommandReading.read_end,
    }
    _ANSWERS: ClassVar[Mapping[Input, Callable[[SmtpServer, Reply], None]]] = {
        Input.GREETED: _answer_greeting,
        Input.HELLO: _answer_hello,
        Input.MAIL: _answer_command,
        Input.RCPT: _answer_command,
        Input.VRFY: _answer_command,
        Input.EXPN: _answer_command,
        Input.DATA: _answer_data,
        Input.BDAT: _answer_chunk,
        Input.MESSAGE_ENDED: _answer_one,
        Input.STARTTLS: _answer_tls,
        Input.AUTH: _answer_auth,
    }
