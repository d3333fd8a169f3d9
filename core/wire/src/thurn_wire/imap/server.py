r"""The server side of IMAP: octets in, events out, replies in, octets out.

    engine = ImapServer(base_grammar())
    engine.receive_data(octets)          b"" when the peer has ended the stream
    engine.next_event()                  an Event, NEED_DATA or PAUSED
    engine.write(reply.exists(3))        untagged responses, before the tagged reply
    engine.accept()                      the usual positive reply to the last event
    engine.send(no("no such mailbox", code.NONEXISTENT))
    engine.data_to_send()                everything since the last call, for one send
    engine.send_failed()                 the octets could not be sent: Closed follows

Rules of this file:
1. Whatever the peer sends, nothing is raised: what cannot be read is refused, and the next octets
   are read as what they are, or the dialogue ends.
2. One command at a time is returned; the next one is read when it is answered.
3. Nothing is kept of what passes through: messages of APPEND are returned as they come.
4. The state follows the table in `state.py`; what is read in which state is in `reading.py`, what
   an answer does in `answering.py`.

This file knows no socket and no clock. RFC 9051, RFC 3501.
"""

from __future__ import annotations

from typing import Final

from thurn_wire import sasl
from thurn_wire.error import LocalProtocolError
from thurn_wire.event import PAUSED, Pause
from thurn_wire.foreign import TLS_HANDSHAKE
from thurn_wire.imap import answering, reply
from thurn_wire.imap.config import ImapConfig
from thurn_wire.imap.event import Event
from thurn_wire.imap.grammar.registry import Grammar
from thurn_wire.imap.reading import READERS
from thurn_wire.imap.reply import Reply
from thurn_wire.imap.session import Session
from thurn_wire.imap.state import BETWEEN_COMMANDS, State, Step

DEFAULT: Final = ImapConfig()
"""The settings of a site that changes none."""


class ImapServer:
    r"""One dialogue; see the head of this file.

    >>> from thurn_wire.imap.grammar.builtin import base_grammar
    >>> engine = ImapServer(base_grammar())
    >>> engine.next_event()
    Connected()
    >>> engine.accept("hello")
    >>> engine.receive_data(b"a NOOP\r\nb SELECT x\r\n")
    >>> engine.next_event()
    Request(tag=b'a', command=Noop())
    >>> engine.accept()
    >>> engine.next_event()
    <Pause.NEED_DATA: 'need data'>
    >>> engine.data_to_send()
    b'* OK hello\r\na OK NOOP done\r\nb BAD SELECT: log in first\r\n'

    Args:
        grammar: `base_grammar()` with what extensions have added; shared by all sessions.
        config: the settings.
    """

    __slots__ = ("_session",)

    def __init__(self, grammar: Grammar, config: ImapConfig = DEFAULT) -> None:
        self._session = Session(grammar, config)

    # --- what may be read

    @property
    def state(self) -> State:
        """Where the dialogue is."""
        return self._session.state

    @property
    def utf8(self) -> bool:
        """Whether mailbox names are UTF-8."""
        return self._session.utf8

    @property
    def buffered_octets(self) -> int:
        """The octets received and not read: 0 in a session that waits for its client."""
        return len(self._session.fragments)

    @property
    def is_between_commands(self) -> bool:
        """Whether the client's next octet begins a command; false also inside IDLE, APPEND and
        AUTHENTICATE. A session that is to end may end here without breaking anything off."""
        return self.state in BETWEEN_COMMANDS and not self._session.fragments.is_inside_command

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
            session.fragments.receive(octets)

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
        """Answer the last event; the engine adds the tag. BYE ends the dialogue at any time.

        NO and BAD may also be sent inside APPEND and IDLE, which are over then.

        Raises:
            LocalProtocolError: nothing waits for an answer, or this cannot be the answer.
        """
        answering.answer(self._session, reply)

    def accept(self, text: str = "") -> None:
        """Answer the last event with the usual positive reply.

        Args:
            text: replaces the text of the reply; `Append` and `AppendMessage` have none.

        Raises:
            LocalProtocolError: nothing waits for an answer.
        """
        answering.accept(self._session, text)

    def data_to_send(self) -> bytes:
        """Everything written since the last call."""
        return self._session.take_output()

    def send_failed(self) -> None:
        """The octets of `data_to_send` could not be sent: the dialogue is over."""
        self._session.fail_sending()

    def tls_started(self) -> int:
        """The TLS handshake is done: forget everything from before it. RFC 9051 §6.2.1.

        Returns:
            The octets that came in the clear behind STARTTLS and were dropped: more than 0 means
            an attack or a broken client.
        """
        return self._session.forget_clear_text()

    # --- further verbs of the server

    def challenge(self, octets: bytes) -> None:
        """Answer `Authenticate` or `AuthResponse` with a challenge. RFC 9051 §6.2.2.

        Raises:
            LocalProtocolError: no exchange waits for it, or it is too long.
        """
        session = self._session
        if session.awaiting is not Step.AUTHENTICATE:
            raise LocalProtocolError("no exchange waits for a challenge")
        line = reply.challenge(octets)
        if len(line) > sasl.LINE_OCTETS:
            raise LocalProtocolError("challenge too long")
        session.awaiting = None
        session.move(Step.CHALLENGE)
        session.write(line)

    def write(self, octets: bytes) -> None:
        """Write untagged responses, or pieces of one in their order."""
        self._session.write(octets)

    def parts_to_send(self) -> list[bytes]:
        """As `data_to_send`, in the pieces that were written, so that large ones are not copied."""
        return self._session.take_parts()

    def deselect(self) -> None:
        """No mailbox is selected any more, without a command: it was deleted.

        Raises:
            LocalProtocolError: no mailbox is selected.
        """
        self._session.move(Step.DESELECT)

    def unauthenticate(self) -> None:
        """Nobody is logged in any more. RFC 8437.

        Raises:
            LocalProtocolError: nobody was logged in, or something goes on.
        """
        self._session.move(Step.UNAUTHENTICATED)
        self._session.utf8 = False

    def use_utf8(self) -> None:
        """Mailbox names are UTF-8 from now on. RFC 9051 §6.3.1, RFC 6855 §3."""
        self._session.utf8 = True

    @property
    def is_taken_over(self) -> bool:
        """Whether a command reads the octets itself: its rule has `Step.TAKE_OVER`."""
        return self._session.awaiting is Step.TAKE_OVER

    def take_octets(self) -> bytes:
        """The octets received and not read, for the command that has taken over.

        What the command reads too much of, it gives back by `receive_data`.

        Raises:
            LocalProtocolError: no command has taken over.
        """
        if not self.is_taken_over:
            raise LocalProtocolError("no command has taken over")
        return self._session.fragments.take_all()

    def hand_back(self) -> None:
        """The command that took over has written its reply itself: read commands again.

        Raises:
            LocalProtocolError: no command has taken over.
        """
        if not self.is_taken_over:
            raise LocalProtocolError("no command has taken over")
        self._session.awaiting = None
