"""AUTH: one SASL exchange with the gate. RFC 4954 §4."""

from __future__ import annotations

from typing import Final

from thurn.plugin import Ask, Granted, Refused, Status, Step
from thurn_wire.smtp import event
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.state import State

from thurn_listener_smtp.conversation import Conversation

ATTEMPTS: Final = 10
"""Refused logins of one connection; a person with a wrong password needs fewer, and a guesser has
to connect anew, where the login policies see it. RFC 4954 §4 allows 421 after too many."""

_TOO_MANY: Final = Reply(421, "4.7.0", ("Too many failed logins, goodbye",))
_UNEXPECTED: Final = Status(501, "5.5.2", "An empty response was expected")


async def auth(talk: Conversation, given: event.Auth) -> None:
    """Begin an exchange."""
    await talk.flush()  # passwords take their time
    session = talk.session
    talk.login, step = await talk.gate.begin(session, given.mechanism, given.initial)
    await _answer(talk, step)


async def respond(talk: Conversation, given: event.AuthResponse) -> None:
    """Go on with the peer's response."""
    granted, login = talk.granted, talk.login
    if granted is not None:
        # RFC 4422 §3.6: SMTP's success carries no octets, so they were one more challenge.
        if given.response:
            talk.end_login()
            await talk.refuse(_UNEXPECTED)
        else:
            _admit(talk, granted)
    elif login is not None:
        await _answer(talk, await login.step(given.response))


async def cancel(talk: Conversation, _: event.AuthCancelled) -> None:
    """The peer gave up, or sent no base64; the engine has answered."""
    talk.end_login()


async def _answer(talk: Conversation, step: Step) -> None:
    match step:
        case Ask(challenge):
            talk.engine.challenge(challenge)
        case Granted(_, final) if final:
            talk.session.identity = None  # nobody is logged in before the success is said
            talk.granted = step
            talk.engine.challenge(final)
        case Granted():
            _admit(talk, step)
        case Refused(status):
            await _refuse(talk, status)


def _admit(talk: Conversation, granted: Granted) -> None:
    talk.login = talk.granted = None
    talk.session.identity = granted.identity
    talk.engine.accept()


async def _refuse(talk: Conversation, status: Status) -> None:
    talk.login = None
    talk.attempts += 1
    await talk.refuse(status)
    if talk.attempts >= ATTEMPTS and talk.engine.state is not State.CLOSED:
        talk.engine.send(_TOO_MANY)
