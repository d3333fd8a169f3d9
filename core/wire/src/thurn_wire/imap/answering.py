"""What an answer of the session does.

Rules of this file: an answer that does not suit its event is a `LocalProtocolError` and changes
nothing.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.error import LocalProtocolError
from thurn_wire.event import Reason
from thurn_wire.imap.appending import accept_message
from thurn_wire.imap.reply import Condition, Reply, continuation, ok
from thurn_wire.imap.session import Session
from thurn_wire.imap.state import APPENDING, IDLING, Step

_INTERRUPTIBLE: Final = APPENDING | IDLING
"""States in which the session may refuse a command that it has accepted."""
_TAGGED: Final = frozenset(Step) - {Step.GREETED, Step.APPEND, Step.MESSAGE, Step.IDLE}
"""Steps whose positive answer is a tagged reply."""

# Python 3.11 needs as long for a member of an enum as for a call, and these are needed each time.
_OK: Final = Condition.OK
_COMMAND: Final = Step.COMMAND


def answer(session: Session, reply: Reply) -> None:
    """Answer the last event, tagged; BYE ends the dialogue at any time.

    Raises:
        LocalProtocolError: nothing waits for an answer, or this cannot be the answer.
    """
    step = session.awaiting
    condition = reply.condition
    if condition is _OK and step is not None and step in _TAGGED:
        if step is not _COMMAND:  # which leaves the state alone
            session.move(step)
        session.awaiting = None
        session.write(reply.encode(session.tag))
    elif condition is Condition.BYE:
        if step is Step.GREETED:
            session.move(Step.REFUSED)
        session.end(reply, Reason.REFUSED)
    elif step is Step.GREETED:
        _greeting(session, reply)
    elif not reply.is_positive and (step is not None or session.state in _INTERRUPTIBLE):
        _refuse(session, reply)
    else:
        raise LocalProtocolError(f"{condition} is not the answer to the last event")


def _greeting(session: Session, reply: Reply) -> None:
    if not reply.is_positive:
        raise LocalProtocolError(f"{reply.condition} is not a greeting")
    is_preauth = reply.condition is Condition.PREAUTH
    session.awaiting = None
    session.move(Step.PREAUTHENTICATED if is_preauth else Step.GREETED)
    session.write(reply.encode())


def _refuse(session: Session, reply: Reply) -> None:
    session.move(Step.REFUSED)
    session.awaiting = None
    session.write(reply.encode(session.tag))
    if session.appending is not None:
        session.appending = None
        # What is announced is within APPENDLIMIT, so that it can always be read and dropped.
        session.fragments.abandon(session.config.append_octets)


def accept(session: Session, text: str) -> None:
    """Answer the last event with the usual positive reply.

    Raises:
        LocalProtocolError: nothing waits for an answer.
    """
    step, appending = session.awaiting, session.appending
    if step is Step.GREETED:
        answer(session, ok(text or "ready"))
    elif step is Step.IDLE:
        session.awaiting = None
        session.move(step)
        session.write(continuation(text or "idling"))
    elif appending is not None and (step is Step.APPEND or step is Step.MESSAGE):
        session.awaiting = None
        session.move(step)
        if step is Step.MESSAGE:
            accept_message(session, appending)
    else:
        answer(session, ok(text or f"{session.name} done"))
