"""LOGIN and AUTHENTICATE: one attempt, from what the gate says to an open account.

    C: 1 LOGIN alice secret
    S: 1 OK [CAPABILITY IMAP4rev1 ...] Logged in
    C: 2 AUTHENTICATE PLAIN
    S: +
    C: AGFsaWNlAHNlY3JldA==
    S: 2 OK [CAPABILITY IMAP4rev1 ...] Logged in

Rules of this file:
1. The gate says whether a password is looked at, and which mechanisms exist, on this connection.
2. The account is opened before the positive answer: whoever cannot have mailboxes is not logged in.

RFC 9051 §6.2.2, §6.2.3.
"""

from __future__ import annotations

from typing import Final

from thurn.plugin import Ask, Granted, LoginAnswer, Refused, ThurnError
from thurn_wire.imap import code
from thurn_wire.imap.command import Authenticate, Login
from thurn_wire.imap.event import AuthCancelled, AuthResponse

from thurn_listener_imap.answer import Answer, done, refused
from thurn_listener_imap.answering import finish
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import Updates
from thurn_listener_imap.refusal import answer_to, answer_to_login, is_internal

_UNEXPECTED: Final = refused("An empty response was expected")


async def login(conversation: Conversation, command: Login) -> Answer | None:
    """LOGIN: a name and a password. RFC 9051 §6.2.3."""
    gate = conversation.context.gate
    login_answer = await gate.password(conversation.session, command.name, command.password)
    return await _answer(conversation, login_answer)


async def authenticate(conversation: Conversation, command: Authenticate) -> Answer | None:
    """AUTHENTICATE: begin an exchange. RFC 9051 §6.2.2."""
    gate = conversation.context.gate
    conversation.login, login_answer = await gate.begin(
        conversation.session, command.mechanism, command.initial
    )
    return await _answer(conversation, login_answer)


async def respond(conversation: Conversation, given: AuthResponse) -> None:
    """Go on with the client's response."""
    answer = await _respond(conversation, given.response)
    if answer is not None:
        await finish(conversation, answer, Updates.NONE)


async def cancel(conversation: Conversation, _: AuthCancelled) -> None:
    """The exchange is over; the engine has answered."""
    conversation.end_login()


async def _respond(conversation: Conversation, octets: bytes) -> Answer | None:
    granted, conversation.granted = conversation.granted, None
    if granted is not None:
        # RFC 4422 §3.6: the answer to the success's own octets is empty.
        if octets:
            conversation.session.identity = None
            return _refuse(conversation, _UNEXPECTED)
        return await _enter(conversation, granted)
    if conversation.login is None:
        raise RuntimeError("a response outside an exchange")
    return await _answer(conversation, await conversation.login.respond(octets))


async def _answer(conversation: Conversation, login_answer: LoginAnswer) -> Answer | None:
    match login_answer:
        case Ask(challenge):
            conversation.engine.challenge(challenge)
            return None
        case Granted(_, b""):
            return await _enter(conversation, login_answer)
        case Granted(_, octets):
            # RFC 9051 §6.2.2: OK carries no octets, so they go out as one more challenge.
            conversation.granted = login_answer
            conversation.engine.challenge(octets)
            return None
        case Refused():
            return _refuse(conversation, answer_to_login(login_answer))


async def _enter(conversation: Conversation, granted: Granted) -> Answer:
    """The credentials were right: open the account, or say why that is not possible."""
    conversation.login = None
    identity = granted.identity
    try:
        account = await conversation.context.open_account(identity.account, identity)
    except ThurnError as error:
        if is_internal(error):
            conversation.report("account.not_opened", error)
        conversation.session.identity = None
        return answer_to(error)
    conversation.log_in(account)
    return done("Logged in", code.capability(conversation.capabilities()))


def _refuse(conversation: Conversation, answer: Answer) -> Answer:
    conversation.login = None
    conversation.failed_logins += 1
    return answer
