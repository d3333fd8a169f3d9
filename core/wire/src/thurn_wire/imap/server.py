r"""The server side: octets in, events out.

Rules of this file:
1. Whatever the peer sends, no exception: what cannot be used is a `Refused` event with its answer,
   and the next octets are read as what they are, or the session ends.
2. One command at a time is handed out; the next one is read when `next_event` is called again. A
   command that is not allowed in the state, or unknown, is refused before its literals come.
3. Nothing is kept of what passes through: messages of APPEND are handed out as they come, and their
   size is judged before the client is told to go on.
4. The engine writes nothing: what is sent is the session's, made with `response`.

This file knows no socket and no clock. RFC 9051, RFC 3501.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from thurn_wire.imap import code, limits, response
from thurn_wire.imap.command import Append, AppendItem
from thurn_wire.imap.config import ServerLimits
from thurn_wire.imap.error import LocalProtocolError
from thurn_wire.imap.event import (
    NEED_DATA,
    PAUSED,
    AppendChunk,
    AppendDone,
    AppendMessage,
    Closed,
    ContinuationNeeded,
    Event,
    IdleDone,
    Pause,
    Reason,
    Refused,
    Request,
    SaslResponse,
)
from thurn_wire.imap.fragment import Announcement, FragmentError, Fragmentizer
from thurn_wire.imap.grammar import append
from thurn_wire.imap.grammar.error import ParseError
from thurn_wire.imap.grammar.registry import Cursor, Grammar, Rule
from thurn_wire.imap.grammar.session import base64
from thurn_wire.imap.state import (
    APPENDING,
    COMMANDING,
    SERVER,
    TAKEN_OVER,
    Phase,
    State,
    Step,
    follow,
)

TLS_HANDSHAKE: Final = b"\x16\x03"
"""How TLS begins: a client for the other port."""

FOREIGN: Final = frozenset(
    b"CONNECT DELETE EHLO GET HEAD HELO OPTIONS PATCH POST PUT TRACE".split()
)
"""First words of other protocols; no client has these for tags."""

_TAG: Final = re.compile(rb"([!#$&',-\[\]^-z|}~]{1,%d})(?: |\Z)" % limits.TAG_OCTETS)
_HEAD: Final = re.compile(
    rb"([!#$&',-\[\]^-z|}~]{1,%d}) (UID )?([A-Za-z0-9._-]{1,40})(?= |\Z)" % limits.TAG_OCTETS,
    re.IGNORECASE,
)
_MISPLACED: Final[Mapping[Phase, str]] = {
    Phase.NOT_AUTHENTICATED: "log in first",
    Phase.AUTHENTICATED: "select a mailbox first",
    Phase.SELECTED: "not possible while a mailbox is selected",
}


class ImapServer:
    r"""One session, as the server sees it.

    >>> from thurn_wire.imap.grammar.builtin import base_grammar
    >>> engine = ImapServer(base_grammar())
    >>> engine.receive_data(b"a NOOP\r\nb SELECT x\r\n")
    >>> engine.next_event()
    Request(tag=b'a', command=Noop())
    >>> engine.next_event().response
    b'b BAD SELECT: log in first\r\n'
    """

    __slots__ = (
        "_announced",
        "_binary",
        "_ended",
        "_errors",
        "_fragments",
        "_fresh",
        "_grammar",
        "_item",
        "_limits",
        "_messages",
        "_reason",
        "_state",
        "_streaming",
        "_tag",
        "_utf8",
    )

    def __init__(
        self,
        grammar: Grammar,
        server_limits: ServerLimits | None = None,
        *,
        authenticated: bool = False,
    ) -> None:
        """Begin a session.

        Args:
            grammar: `base_grammar()` with what extensions have added; shared by all sessions.
            server_limits: the site's bounds.
            authenticated: the greeting is PREAUTH. RFC 9051 §7.1.4.
        """
        self._grammar = grammar
        self._limits = server_limits or DEFAULT_LIMITS
        self._state = State.AUTHENTICATED if authenticated else State.NOT_AUTHENTICATED
        self._fragments = Fragmentizer()
        self._tag = b""  # of the command that goes on: SASL, IDLE, APPEND
        self._item: AppendItem | None = None  # announced and not handed out yet
        self._announced = False  # a message's literal waits for its verb
        self._binary = False  # it is a literal8
        self._streaming = False
        self._messages = 0
        self._utf8 = False
        self._errors = 0
        self._fresh = True
        self._ended = False
        self._reason = Reason.PEER_CLOSED

    # What the session says.

    @property
    def state(self) -> State:
        """Where the session is."""
        return self._state

    @property
    def utf8(self) -> bool:
        """Whether mailbox names are UTF-8."""
        return self._utf8

    @property
    def buffered_octets(self) -> int:
        """What was received and not yet read: 0 in a session that waits for its client."""
        return len(self._fragments)

    def accept_login(self) -> None:
        """LOGIN or AUTHENTICATE is answered with OK."""
        self._accept(State.LOGIN_GIVEN)

    def challenge(self) -> None:
        """A challenge was sent (`response.challenge`): the next line is its answer."""
        self._move(Step.CHALLENGE)

    def accept_tls(self) -> None:
        """STARTTLS is answered with OK: now send it, shake hands, then `tls_started`."""
        self._accept(State.TLS_ASKED)

    def tls_started(self) -> int:
        """TLS is up: everything from before is forgotten. RFC 9051 §6.2.1.

        Returns:
            Octets that came in the clear behind STARTTLS and were dropped (somebody tried).
        """
        self._move(Step.SECURED)
        # CVE-2011-0411: nothing that came in the clear is read under TLS; the reader is new.
        early = len(self._fragments)
        self._fragments = Fragmentizer()
        self._errors = 0
        return early

    def accept_select(self) -> None:
        """SELECT or EXAMINE is answered with OK."""
        self._accept(State.SELECTING)

    def accept_append(self) -> None:
        """The mailbox of APPEND, or its next message, is welcome."""
        self._accept(State.APPEND_ASKED, State.APPEND_ASKED_SELECTED)

    def deny(self) -> None:
        """The command that waits for its verb is answered with NO or BAD.

        Of an APPEND that has begun, everything that still comes is read away.
        """
        self._move(Step.DENIED)
        if self._item is not None or self._announced or self._messages:
            self._end_append()
            # What is announced is within APPENDLIMIT, so that it can always be read away.
            self._fragments.abandon(self._limits.append_octets)

    def deselect(self) -> None:
        """The mailbox is not selected any more, without a command ([CLOSED], deleted)."""
        self._move(Step.DESELECT)

    def unauthenticate(self) -> None:
        """Nobody is logged in any more. RFC 8437."""
        self._move(Step.UNAUTHENTICATE)
        self._utf8 = False

    def use_utf8(self) -> None:
        """Mailbox names are UTF-8 from now on. RFC 9051 §6.3.1, RFC 6855 §3."""
        self._utf8 = True

    def take_octets(self) -> bytes:
        """What was received and not read, for the command that has taken over; b"" if nothing was.

        Raises:
            LocalProtocolError: no command has taken over.
        """
        if self._state not in TAKEN_OVER:
            raise LocalProtocolError(f"no command has taken over in state {self._state.value!r}")
        return self._fragments.take_all()

    def hand_back(self) -> None:
        """The command that took over has ended: octets are read as commands again.

        What the command has read too much of, it gives back by `receive_data` before.
        """
        self._move(Step.HANDED_BACK)

    def close(self) -> None:
        """The session is over."""
        if self._state is State.LOGOUT:
            self._move(Step.FAREWELL)
            self._stop(Reason.LOGOUT)
        elif self._state is not State.CLOSED:
            self._stop(Reason.CLOSED_HERE)

    # Octets.

    def receive_data(self, data: bytes) -> None:
        """Take what the peer sent; b"" says that it sends nothing more."""
        if not data:
            self._ended = True
        elif not self._ended and self._state is not State.CLOSED:
            if self._fresh and data.startswith(TLS_HANDSHAKE):
                # A TLS client on the port for clear text: nothing we can say would be read.
                self._stop(Reason.FOREIGN)
                return
            self._fresh = False
            self._fragments.receive(data)

    def next_event(self) -> Event | Pause:
        """The next thing that the client wants."""
        while True:
            read = _READERS.get(self._state)
            if read is None:
                return Closed(self._reason) if self._state is State.CLOSED else PAUSED
            event = read(self)
            if event is not None:
                return event

    # Commands.

    def _read_command(self) -> Event | Pause | None:
        bounds = self._limits
        before_login = self._state is State.NOT_AUTHENTICATED
        try:
            found = self._fragments.next_command(
                bounds.line_before_login_octets if before_login else bounds.line_octets
            )
        except FragmentError as error:
            return self._unreadable(error)
        if found is None:
            return self._wait()
        if isinstance(found, bytes):
            return self._command(found)
        try:
            return self._literal(found)
        except ParseError as error:
            return self._refuse_literal(self._tag_of(found.text), error)

    def _command(self, octets: bytes) -> Event | None:
        """A whole command."""
        try:
            tag, rule, position = self._head(octets)
            cursor = Cursor(octets, self._grammar, position, utf8=self._utf8)
            command = rule.parse(cursor)
            if cursor.position != len(octets):
                cursor.end()
        except ParseError as error:
            return self._refuse(self._tag_of(octets), error)
        self._errors = 0
        if rule.step is not Step.COMMAND:
            self._tag = tag
            self._move(rule.step)
        return Request(tag, command)

    def _head(self, octets: bytes) -> tuple[bytes, Rule, int]:
        """Tag, rule and where the arguments begin, of a command that is allowed here."""
        found = _HEAD.match(octets)
        if found is None:
            raise ParseError(
                "expected a command behind the tag" if _TAG.match(octets) else "expected a tag"
            )
        tag, uid, name = found.groups()
        table = self._grammar.uid_commands if uid else self._grammar.commands
        rule = table.get(name.upper())
        if rule is None:
            raise ParseError(f"unknown command {found[0][len(tag) + 1 :].decode('ascii').upper()}")
        phase = COMMANDING[self._state]
        if phase not in rule.phases:
            raise ParseError(f"{name.decode('ascii').upper()}: {_misplaced(phase, rule)}")
        return tag, rule, found.end()

    def _literal(self, announced: Announcement) -> Event | None:
        """A literal is announced, in a command that is not yet whole."""
        tag, rule, position = self._head(announced.text)
        if rule.step is Step.APPEND:
            cursor = Cursor(announced.text, self._grammar, position, utf8=self._utf8)
            mailbox = append.mailbox(cursor)
            if mailbox is not None:
                self._item = self._append_item(cursor, announced, 1)
                self._tag = tag
                self._errors = 0
                self._messages = 1
                self._move(Step.APPEND)
                return Request(tag, Append(mailbox))
        if not rule.literals or announced.binary:
            raise ParseError("a literal is not possible here")
        bounds = self._limits
        before_login = self._state is State.NOT_AUTHENTICATED
        maximum = bounds.literal_before_login_octets if before_login else bounds.literal_octets
        fragments = self._fragments
        if fragments.literals_octets + announced.size_octets > maximum:
            raise ParseError("literal too large", code=code.TOOBIG)
        if fragments.literals >= limits.LITERALS:
            raise ParseError("too many literals", code=code.TOOBIG)
        fragments.gather()
        return ContinuationNeeded() if announced.synchronizing else None

    # APPEND.

    def _append_item(self, cursor: Cursor, announced: Announcement, number: int) -> AppendItem:
        item = append.item(cursor, announced)
        if number > self._limits.append_messages:
            raise ParseError("too many messages", condition=b"NO", code=code.TOOBIG)
        # RFC 7889 §3.1: before the client sends it.
        if item.size_octets > self._limits.append_octets:
            raise ParseError("message too large", condition=b"NO", code=code.TOOBIG)
        # RFC 3502 §6.3.11: an empty message gives the command up.
        if not item.size_octets:
            raise ParseError("an empty message is not stored", condition=b"NO")
        return item

    def _read_append(self) -> Event | Pause | None:
        if self._item is not None:
            item, self._item = self._item, None
            self._announced = True
            self._binary = item.binary
            self._move(Step.MESSAGE)
            return AppendMessage(item)
        if self._announced:
            self._announced = False
            self._streaming = True
            return ContinuationNeeded() if self._fragments.stream() else None
        if not self._streaming:
            return self._between_messages()
        octets = self._fragments.chunk(limits.CHUNK_OCTETS)
        if not self._binary and b"\0" in octets:
            # RFC 9051 §4.3: NUL is for literal8 only.
            self._fragments.abandon(self._limits.append_octets)
            return self._refuse(self._tag, ParseError("NUL in a literal"))
        self._streaming = bool(self._fragments.wanted_octets)
        if octets:
            return AppendChunk(octets, last=not self._streaming)
        return self._wait()

    def _between_messages(self) -> Event | Pause | None:
        try:
            found = self._fragments.next_command(self._limits.line_octets)
        except FragmentError as error:
            return self._unreadable(error, self._tag)
        if found is None:
            return self._wait()
        try:
            if isinstance(found, Announcement):
                cursor = Cursor(found.text, self._grammar, utf8=self._utf8)
                self._item = self._append_item(cursor, found, self._messages + 1)
                self._messages += 1
                return None
            Cursor(found, self._grammar).end()
        except ParseError as error:
            if isinstance(found, Announcement):
                return self._refuse_literal(self._tag, error)
            return self._refuse(self._tag, error)
        self._end_append()
        self._move(Step.WHOLE)
        return AppendDone(self._tag)

    def _end_append(self) -> None:
        self._item = None
        self._announced = self._streaming = False
        self._messages = 0

    # IDLE and SASL.

    def _read_idle(self) -> Event | Pause | None:
        try:
            found = self._fragments.next_command(limits.LINE_BEFORE_LOGIN_OCTETS)
        except FragmentError as error:
            return self._unreadable(error, self._tag)
        if found is None:
            return self._wait()
        if isinstance(found, Announcement):
            return self._refuse_literal(self._tag, ParseError("expected DONE"))
        if found.rstrip(b" ").upper() != b"DONE":
            return self._refuse(self._tag, ParseError("expected DONE"))
        self._move(Step.DONE)
        return IdleDone(self._tag)

    def _read_response(self) -> Event | Pause | None:
        try:
            line = self._fragments.next_line(limits.SASL_LINE_OCTETS)
        except FragmentError as error:
            return self._unreadable(error, self._tag)
        if line is None:
            return self._wait()
        if line == b"*":
            # RFC 9051 §6.2.2: the client cancels, and is answered with BAD.
            return self._refuse(self._tag, ParseError("cancelled"))
        octets = base64(line)
        if octets is None:
            return self._refuse(self._tag, ParseError("that is not base64"))
        self._move(Step.RESPONSE)
        return SaslResponse(self._tag, octets)

    # Refusals.

    def _wait(self) -> Event | Pause:
        if not self._ended:
            return NEED_DATA
        self._stop(Reason.PEER_CLOSED)
        return Closed(self._reason)

    def _tag_of(self, octets: bytes) -> bytes | None:
        found = _TAG.match(octets)
        return found[1] if found is not None else None

    def _refuse_literal(self, tag: bytes | None, error: ParseError) -> Event:
        """Refuse a command at the literal that it announces."""
        if self._fragments.refuse(self._limits.skipped_octets):
            return self._refuse(tag, error)
        # RFC 7888 §4: too much to be read away.
        return self._refuse(tag, error, Reason.TOO_LARGE)

    def _unreadable(self, error: FragmentError, tag: bytes | None = None) -> Event:
        tag = tag or self._tag_of(error.begin)
        reason = Reason.TOO_LARGE if error.fatal else None
        return self._refuse(tag, ParseError(error.text), reason)

    def _refuse(self, tag: bytes | None, error: ParseError, reason: Reason | None = None) -> Event:
        """Refuse what came; a reason ends the session."""
        if self._state not in COMMANDING:
            self._end_append()
            self._move(Step.ABANDONED)
        if tag is not None and self._state is State.NOT_AUTHENTICATED and tag.upper() in FOREIGN:
            reason = Reason.FOREIGN
        self._errors += error.condition == b"BAD"
        if self._errors >= self._limits.errors:
            reason = reason or Reason.TOO_MANY_ERRORS
        write = response.bad if error.condition == b"BAD" else response.no
        octets = write(tag or b"*", error.text, error.code)
        if reason is not None:
            octets += response.bye(reason.value)
            self._stop(reason)
        return Refused(octets, tag, error.text)

    def _accept(self, *states: State) -> None:
        if self._state not in states:
            raise LocalProtocolError(f"not possible in state {self._state.value!r}")
        self._move(Step.ACCEPTED)

    def _move(self, step: Step) -> None:
        self._state = follow(SERVER, self._state, step)

    def _stop(self, reason: Reason) -> None:
        self._move(Step.STOPPED)
        self._reason = reason
        self._end_append()
        self._fragments = Fragmentizer()


def _misplaced(phase: Phase, rule: Rule) -> str:
    """Why a command is not allowed in the phase."""
    if phase is Phase.NOT_AUTHENTICATED or Phase.NOT_AUTHENTICATED not in rule.phases:
        return _MISPLACED[phase]
    return "only possible before login"


DEFAULT_LIMITS: Final = ServerLimits()

_Reader: TypeAlias = Callable[[ImapServer], Event | Pause | None]

_READERS: Final[Mapping[State, _Reader]] = {
    **dict.fromkeys(COMMANDING, ImapServer._read_command),  # noqa: SLF001 - the class's own
    **dict.fromkeys(APPENDING, ImapServer._read_append),  # noqa: SLF001
    State.IDLE: ImapServer._read_idle,  # noqa: SLF001
    State.IDLE_SELECTED: ImapServer._read_idle,  # noqa: SLF001
    State.CHALLENGED: ImapServer._read_response,  # noqa: SLF001
}
