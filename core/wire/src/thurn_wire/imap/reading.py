"""How the server reads what a client sends: one function for each state, all in one table.

Rules of this file:
1. A command that is unknown, or not allowed in the phase, is refused before its literals come.
2. One command at a time is returned; the next is read when the last one is answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from thurn_wire import sasl
from thurn_wire.event import PAUSED, AuthResponse, Connected, Pause, Reason
from thurn_wire.imap import code, limits
from thurn_wire.imap.appending import begin, read_append
from thurn_wire.imap.event import Event, IdleDone, Request
from thurn_wire.imap.fragment import Announcement, FragmentError
from thurn_wire.imap.grammar.registry import Cursor, Rule
from thurn_wire.imap.refusing import TAG, refuse_literal, tag_of, unreadable
from thurn_wire.imap.reply import CommandError, bad, bye, continuation, ok
from thurn_wire.imap.session import Session
from thurn_wire.imap.state import COMMANDING, Phase, State, Step

Reader: TypeAlias = Callable[[Session], Event | Pause | None]
"""Reads once: an event, a pause, or None if there may be more to read."""

_HEAD: Final = re.compile(
    rb"([!#$&',-\[\]^-z|}~]{1,%d}) (UID )?([A-Za-z0-9._-]{1,40})(?= |\Z)" % limits.TAG_OCTETS,
    re.IGNORECASE,
)
_MISPLACED: Final[Mapping[Phase, str]] = {
    Phase.NOT_AUTHENTICATED: "log in first",
    Phase.AUTHENTICATED: "select a mailbox first",
    Phase.SELECTED: "not possible while a mailbox is selected",
}


# Python 3.11 needs as long for a member of an enum as for a call, and these are needed each time.
_COMMAND: Final = Step.COMMAND
_BEFORE_LOGIN: Final = State.NOT_AUTHENTICATED


def _connected(session: Session) -> Event:
    session.awaiting = Step.GREETED
    return Connected()


def _read_command(session: Session) -> Event | Pause | None:
    if session.is_foreign:  # without a reply, which another protocol's client would read
        session.close(Reason.FOREIGN)
        return None
    config = session.config
    before_login = session.state is _BEFORE_LOGIN
    try:
        fragment = session.fragments.next_command(
            config.line_before_login_octets if before_login else config.line_octets
        )
    except FragmentError as error:
        return unreadable(session, error)
    if fragment is None:
        return session.wait()
    if isinstance(fragment, bytes):
        try:
            return _command(session, fragment)
        except CommandError as error:
            return session.refuse(tag_of(fragment), error.reply)
    try:
        return _literal(session, fragment)
    except CommandError as error:
        return refuse_literal(session, tag_of(fragment.text), error.reply)


def _command(session: Session, octets: bytes) -> Event | None:
    """Read a whole command."""
    tag, rule, position = _head(session, octets)
    cursor = Cursor(octets, session.grammar, position, utf8=session.utf8)
    command = rule.parse(cursor)
    if cursor.position != len(octets):
        cursor.end()
    session.errors = 0
    step = rule.step
    if step is not _COMMAND:
        if step is Step.LOGOUT:
            _logout(session, tag)
            return None
        if step is Step.SELECT and session.state is State.SELECTED:
            # RFC 9051 §6.3.2: the mailbox is not selected any more, whatever the answer.
            session.move(Step.DESELECT)
    session.awaiting = step
    session.tag, session.name = tag, command.NAME
    return Request(tag, command)


def _head(session: Session, octets: bytes) -> tuple[bytes, Rule, int]:
    """Tag, rule and the place of the arguments, of a command that is allowed here."""
    match = _HEAD.match(octets)
    if match is None:
        is_tagged = TAG.match(octets) is not None
        raise CommandError(
            bad("expected a command behind the tag" if is_tagged else "expected a tag")
        )
    tag, uid, name = match.groups()
    rules = session.grammar.uid_commands if uid else session.grammar.commands
    rule = rules.get(name.upper())
    if rule is None:
        word = match[0][len(tag) + 1 :].decode("ascii").upper()
        raise CommandError(bad(f"unknown command {word}"))
    phase = COMMANDING[session.state]
    if phase not in rule.phases:
        word = name.decode("ascii").upper()
        raise CommandError(bad(f"{word}: {_misplaced(phase, rule)}"))
    return tag, rule, match.end()


def _misplaced(phase: Phase, rule: Rule) -> str:
    """Why a command is not allowed in the phase."""
    if phase is Phase.NOT_AUTHENTICATED or Phase.NOT_AUTHENTICATED not in rule.phases:
        return _MISPLACED[phase]
    return "only possible before login"


def _literal(session: Session, announced: Announcement) -> Event | None:
    """Judge a literal that is announced in a command."""
    tag, rule, position = _head(session, announced.text)
    if rule.step is Step.APPEND:
        cursor = Cursor(announced.text, session.grammar, position, utf8=session.utf8)
        request = begin(session, tag, cursor, announced)
        if request is not None:
            return request
    if not rule.literals or announced.binary:
        raise CommandError(bad("a literal is not possible here"))
    config = session.config
    before_login = session.state is _BEFORE_LOGIN
    limit_octets = config.literal_before_login_octets if before_login else config.literal_octets
    fragments = session.fragments
    if fragments.literals_octets + announced.size_octets > limit_octets:
        raise CommandError(bad("literal too large", code.TOOBIG))
    if fragments.literals >= limits.LITERALS:
        raise CommandError(bad("too many literals", code.TOOBIG))
    fragments.gather()
    if announced.synchronizing:
        session.write(continuation())
    return None


def _logout(session: Session, tag: bytes) -> None:
    """LOGOUT: BYE comes before the tagged OK. RFC 9051 §6.1.3."""
    session.write(bye("Until next time").encode())
    session.write(ok("LOGOUT done").encode(tag))
    session.move(Step.LOGOUT)
    session.close(Reason.QUIT)


def _read_idle(session: Session) -> Event | Pause | None:
    try:
        fragment = session.fragments.next_command(limits.LINE_BEFORE_LOGIN_OCTETS)
    except FragmentError as error:
        return unreadable(session, error, session.tag)
    if fragment is None:
        return session.wait()
    if isinstance(fragment, Announcement):
        return refuse_literal(session, session.tag, bad("expected DONE"))
    if fragment.rstrip(b" ").upper() != b"DONE":
        return session.refuse(session.tag, bad("expected DONE"))
    session.awaiting = Step.DONE
    return IdleDone(session.tag)


def _read_response(session: Session) -> Event | Pause | None:
    """Read the client's response to a challenge."""
    try:
        line = session.fragments.next_line(sasl.LINE_OCTETS)
    except FragmentError as error:
        return unreadable(session, error, session.tag)
    if line is None:
        return session.wait()
    if line == sasl.CANCEL:
        # RFC 9051 §6.2.2: the answer is BAD.
        return session.refuse(session.tag, bad("cancelled"))
    response = sasl.decode(line)
    if response is None:
        return session.refuse(session.tag, bad("that is not base64"))
    session.awaiting = Step.AUTHENTICATE
    return AuthResponse(response)


def _pause(_session: Session) -> Pause:
    return PAUSED


READERS: Final[Mapping[State, Reader]] = {
    State.GREETING: _connected,
    State.NOT_AUTHENTICATED: _read_command,
    State.CHALLENGED: _read_response,
    State.TLS_HANDSHAKE: _pause,
    State.AUTHENTICATED: _read_command,
    State.SELECTED: _read_command,
    State.IDLE: _read_idle,
    State.IDLE_SELECTED: _read_idle,
    State.APPENDING: read_append,
    State.APPENDING_SELECTED: read_append,
    State.CLOSED: Session.closed,
}
