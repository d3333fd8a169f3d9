"""One session: octets from the connection to the engine, commands to those who do them.

Rules of this file:
1. What a chunk asks is answered with one send, unless it is much (`Conversation`).
2. Every command ends with what other sessions did meanwhile, then its tagged answer; no EXPUNGE
   while message numbers are in use. RFC 9051 §7.5.1.
3. A selected mailbox that has gone ends the session with BYE, behind the tagged answer of the
   command that found out, so that no client asks again for what was done. RFC 2180 §3.4.
4. While the worker closes, what has been received is answered, then the session ends with BYE.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

import trio
from thurn.plugin import Ask, Connection, MailboxNotFound, Session, ThurnError
from thurn_wire.imap import code, response
from thurn_wire.imap.command import (
    Append,
    Authenticate,
    Enable,
    Idle,
    Login,
    Logout,
    Select,
    StartTls,
)
from thurn_wire.imap.config import ServerLimits
from thurn_wire.imap.event import (
    NEED_DATA,
    AppendChunk,
    AppendDone,
    AppendMessage,
    Closed,
    ContinuationNeeded,
    IdleDone,
    Pause,
    Refused,
    Request,
    SaslResponse,
)
from thurn_wire.imap.server import ImapServer
from thurn_wire.imap.state import APPENDING, IDLING, State

from thurn_listener_imap.answer import Answer, CommandRefused, Condition, done, refused, wrong
from thurn_listener_imap.commands.append import Appending, begin_append
from thurn_listener_imap.conversation import Conversation, Site
from thurn_listener_imap.extension import CommandKind, Updates
from thurn_listener_imap.fetch.item import CutOff
from thurn_listener_imap.limits import (
    FAILED_LOGINS,
    RECEIVE_LITERAL_OCTETS,
    RECEIVE_OCTETS,
)
from thurn_listener_imap.login import LoginAttempts
from thurn_listener_imap.refusal import answer_to, is_trouble
from thurn_listener_imap.watch import Waiter, Watch

_WRITERS: Final = {
    Condition.OK: response.ok,
    Condition.NO: response.no,
    Condition.BAD: response.bad,
}

Serve: TypeAlias = Callable[["ImapSession", Any], Awaitable[None]]


class Over(Exception):
    """The session ends; everything has been said."""


class ImapSession:
    """One connection, from the greeting to its end."""

    __slots__ = (
        "_appending",
        "_connection",
        "_conversation",
        "_engine",
        "_logins",
        "_site",
        "_watch",
    )

    def __init__(
        self,
        site: Site,
        watch: Watch,
        limits: ServerLimits,
        connection: Connection,
        session: Session,
    ) -> None:
        self._site = site
        self._watch = watch
        self._connection = connection
        self._conversation = Conversation(site, connection, session)
        self._engine = ImapServer(site.extensions.grammar, limits)
        self._logins = LoginAttempts(self._conversation)
        self._appending: Appending | None = None

    async def run(self) -> None:
        """Speak until it is over."""
        self._greet()
        try:
            await self._converse()
        except CutOff as error:
            # Without a word: it would be taken for octets of the literal.
            self._conversation.report("message.cut_off", error)
        finally:
            self._logins.cancel()
            self._drop_append()

    async def _converse(self) -> None:
        conversation, engine = self._conversation, self._engine
        try:
            while True:
                event = engine.next_event()
                if event is NEED_DATA:
                    await self._receive()
                elif isinstance(event, Pause):
                    raise RuntimeError(f"{engine.state} waits for a verb")
                else:
                    await _SERVE[type(event)](self, event)
                    await conversation.relieve()
        except Over:
            await conversation.flush()

    def _greet(self) -> None:
        words = code.capability(self._conversation.capabilities())
        text = f"{self._site.context.hostname} ready"
        self._conversation.write(response.ok(b"*", text, words))

    # Octets.

    async def _receive(self) -> None:
        conversation, engine, connection = self._conversation, self._engine, self._connection
        await conversation.flush()
        if connection.closing and not engine.buffered_octets:
            self._end("The server is closing", code.UNAVAILABLE)
        conversation.extend()
        octets = None
        if engine.state in IDLING and conversation.selected is not None:
            # Not in a coroutine of its own: thousands of sessions wait just here.
            with trio.CancelScope() as scope:
                waiter = self._wait_in_idle(scope)
                try:
                    octets = await connection.receive(RECEIVE_OCTETS)
                finally:
                    self._watch.forget(waiter)
        elif engine.state in APPENDING:
            octets = await connection.receive(RECEIVE_LITERAL_OCTETS)
        else:
            octets = await connection.receive(RECEIVE_OCTETS)
        if octets is not None:
            engine.receive_data(octets)
            return
        # The mailbox has changed first.
        await self._tell_updates(Updates.ALL)
        self._end_idle_if_gone()

    def _wait_in_idle(self, scope: trio.CancelScope) -> Waiter:
        selected = self._conversation.mailbox
        key = (self._conversation.account.account, selected.told.mailbox_id)
        waiter = Waiter(key, selected.newest.highestmodseq, scope)
        self._watch.add(selected.mailbox, waiter)
        return waiter

    def _end(self, text: str, why: bytes = b"") -> None:
        self._conversation.write(response.bye(text, why))
        self._engine.close()
        raise Over

    # Commands.

    async def _request(self, event: Request) -> None:
        self._conversation.tag = event.tag
        command = event.command
        serve = _REQUESTS.get(type(command))
        if serve is not None:
            await serve(self, command)
            return
        kind = self._site.extensions.commands.get(type(command))
        if kind is None:
            self._answer(wrong(f"{command.NAME} is not done here"))
            return
        answer = await self._run(kind, command)
        if isinstance(command, Enable) and self._conversation.rev2:
            self._engine.use_utf8()
        if self._conversation.selected is None and self._engine.state is State.SELECTED:
            self._engine.deselect()  # the session has deleted its own mailbox
        self._answer(answer)

    async def _run(self, kind: CommandKind, command: object) -> Answer:
        conversation = self._conversation
        conversation.has_told = False
        answer = await self._guarded(kind.run(conversation, command))
        if conversation.has_told:  # by the command itself, so a second look would be for nothing
            return answer
        updates = kind.updates if isinstance(kind.updates, Updates) else kind.updates(command)
        await self._tell_updates(updates, answer)
        return answer

    async def _guarded(self, work: Awaitable[Answer]) -> Answer:
        """The answer of a piece of work, whatever comes of it."""
        try:
            return await work
        except CommandRefused as error:
            return error.answer
        except ThurnError as error:
            if is_trouble(error):
                self._conversation.report("command.failed", error)
            return answer_to(error)

    async def _tell_updates(self, updates: Updates, answer: Answer | None = None) -> None:
        """Tell what others did; with the answer that comes behind it, if there is one.

        Cancellation: the answer is given all the same, if the kernel takes it at once: a client
        that does not hear that its message is stored, or copied, does it again.
        """
        if updates is Updates.NONE:
            return
        try:
            await self._conversation.tell_updates(may_expunge=updates is Updates.ALL)
        except trio.Cancelled:
            if answer is not None:
                self._write(answer)
                with suppress(OSError):  # an earlier send has not come to its end
                    await self._conversation.flush()
            raise

    @property
    def _is_mailbox_gone(self) -> bool:
        selected = self._conversation.selected
        return selected is not None and not selected.exists

    def _answer(self, answer: Answer) -> None:
        self._write(answer)
        if self._is_mailbox_gone:
            # RFC 2180 §3.4: the mailbox was deleted by somebody else.
            self._end("The selected mailbox is gone")

    def _write(self, answer: Answer) -> None:
        write = _WRITERS[answer.condition]
        self._conversation.write(write(self._conversation.tag, answer.text, answer.code))

    async def _select(self, command: Select) -> None:
        kind = self._site.extensions.commands[Select]
        answer = await self._run(kind, command)
        if answer.is_ok:
            self._engine.accept_select()
        else:
            self._conversation.selected = None
            self._engine.deny()
        self._answer(answer)

    async def _logout(self, command: Logout) -> None:
        """RFC 9051 §6.1.3: BYE comes before the tagged OK."""
        self._conversation.write(response.bye("Until next time"))
        self._answer(done(f"{command.NAME} done"))
        self._engine.close()

    async def _start_tls(self, _command: StartTls) -> None:
        """RFC 9051 §6.2.1."""
        conversation, connection = self._conversation, self._connection
        if self._site.settings.tls_mode != "starttls" or not connection.can_start_tls:
            self._engine.deny()
            self._answer(wrong("TLS is up, or not offered"))
            return
        self._answer(done("Begin TLS"))
        self._engine.accept_tls()
        await conversation.flush()
        await connection.start_tls()
        conversation.session.tls = connection.tls
        # The engine forgets what came in the clear behind the command.
        early_octets = self._engine.tls_started()
        if early_octets:
            self._site.context.diagnostics.warning(
                "tls.early_octets", session=conversation.session.id, size_octets=early_octets
            )

    # Login.

    async def _login(self, command: Login) -> None:
        self._after_login(await self._logins.password(command))

    async def _authenticate(self, command: Authenticate) -> None:
        self._after_login(await self._logins.begin(command))

    async def _sasl_response(self, event: SaslResponse) -> None:
        self._after_login(await self._logins.respond(event.response))

    def _after_login(self, step: Answer | Ask) -> None:
        if isinstance(step, Ask):
            self._conversation.write(response.challenge(step.challenge))
            self._engine.challenge()
            return
        if step.is_ok:
            self._engine.accept_login()
        else:
            self._engine.deny()
        self._answer(step)
        if self._logins.failed >= FAILED_LOGINS:
            self._end("Too many failed logins")

    # APPEND.

    async def _append(self, command: Append) -> None:
        async def begin() -> Answer:
            self._appending = await begin_append(self._conversation, command)
            return done("")

        await self._accept_append(begin())

    async def _append_message(self, event: AppendMessage) -> None:
        appending = self._appending

        async def announce() -> Answer:
            if appending is None:
                return refused("No APPEND is open")
            await appending.announce(event.item)
            return done("")

        await self._accept_append(announce())

    async def _accept_append(self, work: Awaitable[Answer]) -> None:
        """Let the client go on, or refuse the whole command."""
        answer = await self._guarded(work)
        if answer.is_ok:
            self._engine.accept_append()
            return
        self._drop_append()
        self._engine.deny()
        await self._tell_updates(Updates.ALL)
        self._answer(answer)

    async def _append_chunk(self, event: AppendChunk) -> None:
        if self._appending is not None:
            await self._appending.take(event.octets, last=event.last)

    async def _append_done(self, _event: AppendDone) -> None:
        appending = self._appending
        if appending is None:
            raise RuntimeError("no APPEND is open")
        try:
            answer = await self._guarded(appending.store())
        finally:
            self._drop_append()
        await self._tell_updates(Updates.ALL, answer)
        self._answer(answer)

    def _drop_append(self) -> None:
        if self._appending is not None:
            self._appending.drop()
            self._appending = None

    # IDLE.

    async def _idle(self, _command: Idle) -> None:
        """RFC 9051 §6.3.13."""
        self._conversation.write(response.continuation("idling"))
        await self._tell_updates(Updates.ALL)
        self._end_idle_if_gone()

    def _end_idle_if_gone(self) -> None:
        if self._is_mailbox_gone:
            self._answer(answer_to(MailboxNotFound()))

    async def _idle_done(self, _event: IdleDone) -> None:
        await self._tell_updates(Updates.ALL)
        self._answer(done("IDLE done"))

    # What the engine says.

    async def _continuation(self, _event: ContinuationNeeded) -> None:
        self._conversation.write(response.continuation())

    async def _refused(self, event: Refused) -> None:
        self._drop_append()
        self._logins.cancel()
        self._conversation.write(event.response)

    async def _closed(self, _event: Closed) -> None:
        raise Over


_REQUESTS: Final[Mapping[type, Serve]] = {
    Append: ImapSession._append,  # noqa: SLF001 - the class's own
    Authenticate: ImapSession._authenticate,  # noqa: SLF001
    Idle: ImapSession._idle,  # noqa: SLF001
    Login: ImapSession._login,  # noqa: SLF001
    Logout: ImapSession._logout,  # noqa: SLF001
    Select: ImapSession._select,  # noqa: SLF001
    StartTls: ImapSession._start_tls,  # noqa: SLF001
}
"""Commands that take part in the session's states."""

_SERVE: Final[Mapping[type, Callable[[ImapSession, Any], Awaitable[None]]]] = {
    Request: ImapSession._request,  # noqa: SLF001
    ContinuationNeeded: ImapSession._continuation,  # noqa: SLF001
    Refused: ImapSession._refused,  # noqa: SLF001
    AppendMessage: ImapSession._append_message,  # noqa: SLF001
    AppendChunk: ImapSession._append_chunk,  # noqa: SLF001
    AppendDone: ImapSession._append_done,  # noqa: SLF001
    SaslResponse: ImapSession._sasl_response,  # noqa: SLF001
    IdleDone: ImapSession._idle_done,  # noqa: SLF001
    Closed: ImapSession._closed,  # noqa: SLF001
}
