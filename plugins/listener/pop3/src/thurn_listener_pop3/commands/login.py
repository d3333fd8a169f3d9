"""USER with PASS, and AUTH: from the credentials to an open maildrop.

    C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
    S: +OK 3 messages (200 octets)

The gate says whether a password is looked at, and which mechanisms exist, on this connection.

RFC 1939 §7, RFC 5034 §4.
"""

from __future__ import annotations

from thurn.plugin import Ask, Granted, Identity, LoginAnswer, Refused, ThurnError, status_of
from thurn_wire.pop3 import event
from thurn_wire.pop3.reply import ResponseCode, error

from thurn_listener_pop3.conversation import Conversation
from thurn_listener_pop3.opening import open_maildrop
from thurn_listener_pop3.refusal import LoginRefused, code_of, code_of_login


async def greet(conversation: Conversation, _: event.Connected) -> None:
    """The greeting, and how a client may log in."""
    conversation.engine.accept()
    conversation.offer()


async def password(conversation: Conversation, given: event.PasswordLogin) -> None:
    """USER and PASS: a name and a password."""
    gate = conversation.parts.context.gate
    login_answer = await gate.password(conversation.session, given.name, given.password)
    await _answer(conversation, login_answer)


async def digest(conversation: Conversation, _: event.Apop) -> None:
    """APOP, which is never offered: the accounts keep no clear passwords."""
    _refuse(conversation, "not offered", ResponseCode.AUTHENTICATION)


async def auth(conversation: Conversation, given: event.Auth) -> None:
    """AUTH: begin an exchange."""
    gate = conversation.parts.context.gate
    conversation.login, login_answer = await gate.begin(
        conversation.session, given.mechanism, given.initial
    )
    await _answer(conversation, login_answer)


async def respond(conversation: Conversation, given: event.AuthResponse) -> None:
    """Go on with the client's response."""
    granted, conversation.granted = conversation.granted, None
    if granted is not None:
        # RFC 4422 §3.6: the answer to the success's own octets is empty.
        if given.response:
            conversation.session.identity = None
            _refuse(conversation, "an empty response was expected", None)
        else:
            await _enter(conversation, granted.identity)
    elif conversation.login is not None:
        await _answer(conversation, await conversation.login.respond(given.response))


async def cancel(conversation: Conversation, _: event.AuthCancelled) -> None:
    """The client gave up; the engine has answered."""
    conversation.end_login()


async def _answer(conversation: Conversation, login_answer: LoginAnswer) -> None:
    match login_answer:
        case Ask(challenge):
            conversation.engine.challenge(challenge)
        case Granted(identity, b""):
            await _enter(conversation, identity)
        case Granted(_, octets):
            # RFC 5034 §4: +OK carries no octets, so they go out as one more challenge.
            conversation.granted = login_answer
            conversation.engine.challenge(octets)
        case Refused(status):
            _refuse(conversation, status.text, code_of_login(login_answer))


async def _enter(conversation: Conversation, identity: Identity) -> None:
    """The credentials were right: open the maildrop, or say why that is not possible."""
    conversation.login = None
    try:
        conversation.maildrop, columns = await open_maildrop(
            conversation.parts, conversation.session, identity
        )
    except LoginRefused as refusal:
        conversation.engine.send(error(str(refusal), refusal.code))
        conversation.session.identity = None
    except ThurnError as failure:
        conversation.report("account.not_opened", failure)
        conversation.engine.send(error(status_of(failure).text, code_of(failure)))
        conversation.session.identity = None
    else:
        conversation.engine.accept_login(columns)


def _refuse(conversation: Conversation, text: str, code: ResponseCode | None) -> None:
    conversation.login = None
    conversation.failed_logins += 1
    conversation.engine.send(error(text, code))
