"""How the server reads what a client sends: one function for each state, all in one table.

Rules of this file: octets first, then limits, then sequence, then grammar and what is offered; the
first check that fails is the reply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from thurn_wire import sasl
from thurn_wire.event import (
    OUTPUT_FULL,
    PAUSED,
    AuthCancelled,
    AuthResponse,
    Connected,
    Pause,
    Reason,
)
from thurn_wire.foreign import HTTP_METHODS
from thurn_wire.linebuffer import LineError, LineNeverEnds, LineTooLong
from thurn_wire.pop3 import grammar, limits
from thurn_wire.pop3.action import ACTIONS
from thurn_wire.pop3.event import Event
from thurn_wire.pop3.reply import CommandError, Reply, ResponseCode, error, refusal
from thurn_wire.pop3.session import Session
from thurn_wire.pop3.state import State, Step

Reader: TypeAlias = Callable[[Session], Event | Pause | None]
"""Reads once: an event, a pause, or None if there may be more to read."""

_LINE_TOO_LONG: Final = error("line too long")
_DRAINING: Final = error("shutting down, try again", ResponseCode.SYSTEM_TEMPORARY)


# Python 3.11 needs as long for a member of an enum as for a call, and this is needed each time.
_TRANSACTION: Final = State.TRANSACTION


def _connected(session: Session) -> Event:
    session.awaiting = Step.GREETED
    return Connected()


def _next_line(session: Session, limit_octets: int) -> bytes | None:
    """The next line; None if it has not come, or never will.

    Raises:
        CommandError: the line is too long, or has a bare line end.
    """
    try:
        return session.lines.next_line(limit_octets)
    except LineTooLong:
        raise CommandError(_LINE_TOO_LONG) from None
    except LineError:
        raise refusal("lines end in CR LF") from None
    except LineNeverEnds:
        session.end(_LINE_TOO_LONG, Reason.FOREIGN)
        return None


def _read_command(session: Session) -> Event | Pause | None:
    if session.is_foreign:  # without a reply, which another protocol's client would read
        session.close(Reason.FOREIGN)
        return None
    if session.output_octets >= limits.OUTPUT_OCTETS:
        return OUTPUT_FULL
    # Before login AUTH may carry its initial response; after it every line is short.
    is_short = session.state is _TRANSACTION
    try:
        line = _next_line(session, limits.COMMAND_LINE_OCTETS if is_short else sasl.LINE_OCTETS)
        return session.wait() if line is None else _command(session, line)
    except CommandError as refused:
        session.refuse(refused.reply)
        return None


def _command(session: Session, line: bytes) -> Event | None:
    """Run the command of this line."""
    verb, argument = grammar.split(line)
    step = grammar.VERBS.get(verb)
    if step is None:
        _refuse_unknown(session, verb)
        return None
    if not session.may_go_on():
        session.end(error("too many commands"), Reason.TOO_MANY_ERRORS)
        return None
    if session.is_draining and step is not Step.QUIT:
        session.end(_DRAINING, Reason.DRAINED)
        return None
    if not session.allows(step):
        raise CommandError(_misplaced(session, step))
    if len(line) + 2 > limits.COMMAND_LINE_OCTETS and step is not Step.AUTH:
        raise CommandError(_LINE_TOO_LONG)
    return ACTIONS[step](session, argument)


def _refuse_unknown(session: Session, verb: bytes) -> None:
    if verb not in HTTP_METHODS:
        raise refusal("unknown command")
    session.end(error("this is a POP3 server"), Reason.FOREIGN)


def _misplaced(session: Session, step: Step) -> Reply:
    if session.is_logged_in:
        return error("only possible before login")
    return error("USER comes first" if step is Step.PASS else "log in first")


def _read_response(session: Session) -> Event | Pause | None:
    """Read the client's response to a challenge."""
    if session.output_octets >= limits.OUTPUT_OCTETS:
        return OUTPUT_FULL
    try:
        line = _next_line(session, sasl.LINE_OCTETS)
        if line is None:
            return session.wait()
        if line == sasl.CANCEL:  # RFC 5034 §4
            return _cancel(session, error("cancelled"))
        response = grammar.response(line)
    except CommandError as refused:
        return _cancel(session, refused.reply)
    session.awaiting = Step.AUTH
    return AuthResponse(response)


def _cancel(session: Session, reply: Reply) -> Event:
    session.refuse(reply)
    return AuthCancelled()


def _pause(_session: Session) -> Pause:
    return PAUSED


READERS: Final[Mapping[State, Reader]] = {
    State.GREETING: _connected,
    State.AUTHORIZATION: _read_command,
    State.NAMED: _read_command,
    State.CHALLENGED: _read_response,
    State.TLS_HANDSHAKE: _pause,
    State.TRANSACTION: _read_command,
    State.MESSAGE: _pause,
    State.UPDATE: _pause,
    State.CLOSED: Session.closed,
}
