"""How the server reads what a client sends: one function for each state, all in one table.

Rules of this file: octets first, then sequence, then grammar, then what is offered; the first check
that fails is the reply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from thurn_wire import sasl
from thurn_wire.event import PAUSED, AuthCancelled, AuthResponse, Connected, Pause, Reason
from thurn_wire.foreign import HTTP_METHODS
from thurn_wire.smtp import grammar, limits, own_reply
from thurn_wire.smtp.action import ACTIONS, chunk, hello
from thurn_wire.smtp.content import read_chunk, read_content, read_discarded
from thurn_wire.smtp.event import Event
from thurn_wire.smtp.reply import CommandError, Reply
from thurn_wire.smtp.session import Session
from thurn_wire.smtp.state import COMMANDS, State, Step

Reader: TypeAlias = Callable[[Session], Event | Pause | None]
"""Reads once: an event, a pause, or None if there may be more to read."""

_COMMON_VERBS: Final = {step.value.encode(): step for step in COMMANDS if step is not Step.HELLO}
_VERBS: Final = {**_COMMON_VERBS, b"EHLO": Step.HELLO, b"HELO": Step.HELLO}
_LMTP_VERBS: Final = {**_COMMON_VERBS, b"LHLO": Step.HELLO}
"""RFC 2033 §4.1: HELO and EHLO must not be accepted."""
_LINE_OCTETS: Final = {
    Step.MAIL: limits.PATH_LINE_OCTETS,
    Step.RCPT: limits.PATH_LINE_OCTETS,
    Step.AUTH: sasl.LINE_OCTETS,
}
_CHUNK_VERB: Final = Step.BDAT.value.encode()
_JUNK: Final = frozenset({Step.HELLO, Step.RSET, Step.NOOP, Step.VRFY, Step.EXPN, Step.HELP})
_WITH_PATHS: Final = frozenset({Step.MAIL, Step.RCPT})


def _connected(session: Session) -> Event:
    session.awaiting = Step.GREETED
    return Connected()


def _read_command(session: Session) -> Event | Pause | None:
    if session.is_foreign:  # without a reply, which another protocol's client would read
        session.close(Reason.FOREIGN)
        return None
    if session.discard is not None:
        return read_discarded(session)
    try:
        line = session.next_line(own_reply.LINE_TOO_LONG)
        return session.wait() if line is None else _command(session, line)
    except CommandError as error:
        session.refuse(error.reply)
        return None


def _command(session: Session, line: bytes) -> Event | None:
    """Run the command of this line."""
    if session.is_draining:
        session.end(own_reply.DRAINING, Reason.DRAINED)
        return None
    is_grouped = session.is_in_ended_group(line)
    line = line.rstrip(b" \t")  # RFC 5321 §4.1.1: trailing white space is tolerated
    verb, _, argument = line.partition(b" ")
    step = (_LMTP_VERBS if session.lmtp else _VERBS).get(verb.upper())
    if step is None:
        _refuse_unknown(session, verb.upper())
        return None
    if step is Step.BDAT:  # whatever is wrong with the line, its octets are not commands
        return chunk(session, argument, is_grouped=is_grouped)
    if is_grouped and step is not Step.QUIT:  # whoever says goodbye waits for the end
        raise CommandError(own_reply.BEHIND_HELLO)
    if len(line) + 2 > _LINE_OCTETS.get(step, limits.COMMAND_LINE_OCTETS):
        raise CommandError(own_reply.LINE_TOO_LONG)
    grammar.check_octets(argument, paths=step in _WITH_PATHS)
    if not session.allows(step):
        raise CommandError(
            own_reply.out_of_sequence(
                session.state, step, all_refused=session.all_recipients_refused
            )
        )
    if step in _JUNK:
        session.count_junk()
        if session.is_closed:
            return None
    if step is Step.HELLO:
        return hello(session, verb, argument)
    return ACTIONS[step](session, argument)


def _refuse_unknown(session: Session, verb: bytes) -> None:
    if verb in HTTP_METHODS:
        session.end(own_reply.NOT_HTTP, Reason.FOREIGN)
    elif verb.startswith(_CHUNK_VERB):  # `BDAT<TAB>5`, `BDAT5`
        session.end(own_reply.CHUNK_WITHOUT_SIZE, Reason.FOREIGN)
    else:
        raise CommandError(own_reply.UNKNOWN)


def _read_response(session: Session) -> Event | Pause | None:
    """Read the client's response to a challenge."""
    try:
        line = session.next_line(own_reply.AUTH_LINE_TOO_LONG)
        if line is None:
            return session.wait()
        if line == sasl.CANCEL:
            return _cancel(session, own_reply.AUTH_CANCELLED)
        response = grammar.response(line)
    except CommandError as error:
        return _cancel(session, error.reply)
    session.awaiting = Step.AUTH
    return AuthResponse(response)


def _cancel(session: Session, reply: Reply) -> Event:
    session.refuse(reply)
    return AuthCancelled()


def _pause(_session: Session) -> Pause:
    return PAUSED


READERS: Final[Mapping[State, Reader]] = {
    State.GREETING: _connected,
    State.TURNED_AWAY: _read_command,
    State.START: _read_command,
    State.READY: _read_command,
    State.TLS_HANDSHAKE: _pause,
    State.CHALLENGED: _read_response,
    State.SENDER: _read_command,
    State.RECIPIENT: _read_command,
    State.CONTENT: read_content,
    State.CHUNK: read_chunk,
    State.CHUNKS: _read_command,
    State.CLOSED: Session.closed,
}
