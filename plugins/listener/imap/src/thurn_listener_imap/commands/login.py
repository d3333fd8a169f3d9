"""LOGIN and AUTHENTICATE: one attempt, from what the gate says to an open account.

Rules of this file:
1. A password is looked at, and mechanisms are offered, only as the gate allows on this connection.
2. The account is opened before the positive answer: who cannot have mailboxes is not logged in.
"""

from __future__ import annotations

from typing import Final

from thurn.plugin import Ask, Granted, Login, Refused, Step, ThurnError
from thurn_wire.imap import code
from thurn_wire.imap.command import Authenticate
from thurn_wire.imap.command import Login as LoginCommand

from thurn_listener_imap.answer import Answer, done, refused
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.refusal import answer_to, answer_to_login, is_trouble

LOGGED_IN: Final = "Logged in"


class LoginAttempts:
    """The logins of one connection.

    Attributes:
        failed: how many were refused.
    """

    __slots__ = ("_conversation", "_granted", "_login", "failed")

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._login: Login | None = None
        self._granted: Granted | None = None
        self.failed = 0

    async def password(self, command: LoginCommand) -> Answer | Ask:
        """LOGIN. RFC 9051 §6.2.3."""
        gate = self._conversation.site.context.gate
        step = await gate.password(self._conversation.session, command.name, command.password)
        return await self._after(step)

    async def begin(self, command: Authenticate) -> Answer | Ask:
        """AUTHENTICATE. RFC 9051 §6.2.2."""
        gate = self._conversation.site.context.gate
        self._login, step = await gate.begin(
            self._conversation.session, command.mechanism, command.initial
        )
        return await self._after(step)

    async def respond(self, response: bytes) -> Answer | Ask:
        """The client's answer to a challenge."""
        granted, self._granted = self._granted, None
        if granted is not None:
            # RFC 4422 §3.6: the answer to the success's own octets is empty.
            if response:
                self._conversation.session.identity = None
                return self._refuse(refused("An empty response was expected"))
            return await self._enter(granted)
        if self._login is None:
            return self._refuse(refused("No exchange is open"))
        return await self._after(await self._login.step(response))

    def cancel(self) -> None:
        """The client gave up, or went away in the middle. Idempotent."""
        if self._granted is not None:
            self._granted = self._conversation.session.identity = None
        elif self._login is not None:
            self._login.cancel()
        self._login = None

    async def _after(self, step: Step) -> Answer | Ask:
        match step:
            case Ask():
                return step
            case Granted(_, b""):
                return await self._enter(step)
            case Granted(_, octets):
                # RFC 9051 §6.2.2: OK carries none, so they go out as one more challenge.
                self._granted = step
                return Ask(octets)
            case Refused():
                return self._refuse(answer_to_login(step))

    async def _enter(self, granted: Granted) -> Answer:
        """The credentials were right: open the account, or say why not."""
        self._login = None
        conversation = self._conversation
        identity = granted.identity
        try:
            account = await conversation.site.context.open_account(identity.account, identity)
        except ThurnError as error:
            if is_trouble(error):
                conversation.report("account.not_opened", error)
            conversation.session.identity = None
            return answer_to(error)
        conversation.log_in(account)
        return done(LOGGED_IN, code.capability(conversation.capabilities()))

    def _refuse(self, answer: Answer) -> Answer:
        self._login = None
        self.failed += 1
        return answer
