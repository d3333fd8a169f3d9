"""AUTH: one SASL exchange with the gate.

    C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
    S: 235 2.7.0 Authentication successful

RFC 4954 §4.
"""

from __future__ import annotations

from typing import Final

from thurn.plugin import Ask, Granted, LoginAnswer, Refused, Status
from thurn_wire.smtp import event
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.state import State

from thurn_listener_smtp.conversation import Conversation
from thurn_listener_smtp.limits import FAILED_LOGINS

_TOO_MANY: Final = Reply(421, "4.7.0", ("Too many failed logins, goodbye",))
_UNEXPECTED: Final = Status(501, "5.5.2", "An empty response was expected")


async def auth(conversation: Conversation, given: event.Auth) -> None:
    """Begin an exchange."""
    await conversation.flush()  # to verify a password takes time
    session = conversation.session
    conversation.login, login_answer = await conversation.gate.begin(
        session, given.mechanism, given.initial
    )
    await _answer(conversation, login_answer)


async def respond(conversation: Conversation, given: event.AuthResponse) -> None:
    """Go on with the peer's response."""
    granted, login = conversation.granted, conversation.login
    if granted is not None:
        # RFC 4422 §3.6: a reply carries no octets of the success, so they were one more challenge.
        if given.response:
            conversation.end_login()
            await conversation.refuse(_UNEXPECTED)
        else:
            _admit(conversation, granted)
    elif login is not None:
        await _answer(conversation, await login.respond(given.response))


async def cancel(conversation: Conversation, _: event.AuthCancelled) -> None:
    """The peer gave up, or sent something that is not base64; the engine has answered."""
    conversation.end_login()


async def _answer(conversation: Conversation, login_answer: LoginAnswer) -> None:
    match login_answer:
        case Ask(challenge):
            conversation.engine.challenge(challenge)
        case Granted(_, final) if final:
            conversation.session.identity = None  # nobody is logged in before 235
            conversation.granted = login_answer
            conversation.engine.challenge(final)
        case Granted():
            _admit(conversation, login_answer)
        case Refused(status):
            await _refuse(conversation, status)


def _admit(conversation: Conversation, granted: Granted) -> None:
    conversation.login = conversation.granted = None
    conversation.session.identity = granted.identity
    conversation.engine.accept()


async def _refuse(conversation: Conversation, status: Status) -> None:
    conversation.login = None
    conversation.failed_logins += 1
    await conversation.refuse(status)
    if (
        conversation.failed_logins >= FAILED_LOGINS
        and conversation.engine.state is not State.CLOSED
    ):
        conversation.engine.send(_TOO_MANY)
