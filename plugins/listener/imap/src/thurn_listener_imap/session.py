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
from thurn.contracts.connection import Connection
from thurn.contracts.gate import Ask
from thurn.plugin import Session
from thurn.types.errors import MailboxNotFound, ThurnError
from thurn_wire.imap import code
from thurn_wire.imap.command import (
    Append,
    Authenticate,
    Enable,
    Idle,
    Login,
    Select,
    StartTls,
)
from thurn_wire.imap.config import ImapConfig
from thurn_wire.imap.event import (
    NEED_DATA,
    AppendCancelled,
    AppendChunk,
    AppendDone,
    AppendMessage,
    AuthCancelled,
    AuthResponse,
    Closed,
    Connected,
    IdleDone,
    Pause,
    Request,
)
from thurn_wire.imap.reply import CommandError, Reply, bad, bye, no, ok
from thurn_wire.imap.server import ImapServer
from thurn_wire.imap.state import APPENDING, IDLING, State

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
from thurn_listener_imap.refusal import is_trouble, reply_to
from thurn_listener_imap.watch import Waiter, Watch

Serve: TypeAlias = Callable[["ImapSession", Any], Awaitable[None]]


_GONE: Final = "The selected mailbox is gone"


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
        config: ImapConfig,
        connection: Connection,
        session: Session,
    ) -> None:
        self._site = site
        self._watch = watch
        self._connection = connection
        self._engine = ImapServer(site.extensions.grammar, config)
        self._conversation = Conversation(site, self._engine, connection, session)
        self._logins = LoginAttempts(self._conversation)
        self._appending: Appending | None = None

    async def run(self) -> None:
        """Speak until it is over."""
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
                    raise RuntimeError(f"an event was not answered in state {engine.state}")
                else:
                    await _SERVE[type(event)](self, event)
                    await conversation.relieve()
        except Over:
            await conversation.flush()

    async def _greet(self, _event: Connected) -> None:
        words = code.capability(self._conversation.capabilities())
        self._engine.send(ok(f"{self._site.context.hostname} ready", words))

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
        self._engine.send(bye(text, why))
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
            self._answer(bad(f"{command.NAME} is not done here"))
            return
        reply = await self._run(kind, command)
        if isinstance(command, Enable) and self._conversation.rev2:
            self._engine.use_utf8()
        self._answer(reply)
        if self._conversation.selected is None and self._engine.state is State.SELECTED:
            self._engine.deselect()  # the session has deleted its own mailbox

    async def _run(self, kind: CommandKind, command: object) -> Reply:
        conversation = self._conversation
        conversation.has_told = False
        reply = await self._guarded(kind.run(conversation, command))
        if conversation.has_told:  # by the command itself, so a second look would be for nothing
            return reply
        updates = kind.updates if isinstance(kind.updates, Updates) else kind.updates(command)
        await self._tell_updates(updates, reply)
        return reply

    async def _guarded(self, work: Awaitable[Reply]) -> Reply:
        """The reply of a piece of work, whatever comes of it."""
        try:
            return await work
        except CommandError as error:
            return error.reply
        except ThurnError as error:
            if is_trouble(error):
                self._conversation.report("command.failed", error)
            return reply_to(error)

    async def _tell_updates(self, updates: Updates, reply: Reply | None = None) -> None:
        """Tell what others did, before this reply.

        Cancellation: the reply is sent all the same, if the kernel takes it at once: a client that
        does not hear that its message is stored, or copied, does it again.
        """
        if updates is Updates.NONE:
            return
        try:
            await self._conversation.tell_updates(may_expunge=updates is Updates.ALL)
        except trio.Cancelled:
            if reply is not None:
                self._engine.send(reply)
                with suppress(OSError):  # an earlier send has not come to its end
                    await self._conversation.flush()
            raise

    @property
    def _is_mailbox_gone(self) -> bool:
        selected = self._conversation.selected
        return selected is not None and not selected.exists

    def _answer(self, reply: Reply) -> None:
        self._engine.send(reply)
        if self._is_mailbox_gone:
            # RFC 2180 §3.4: the mailbox was deleted by somebody else.
            self._end(_GONE)

    async def _select(self, command: Select) -> None:
        kind = self._site.extensions.commands[Select]
        reply = await self._run(kind, command)
        if not reply.is_positive:
            self._conversation.selected = None
        self._answer(reply)

    async def _start_tls(self, _command: StartTls) -> None:
        """RFC 9051 §6.2.1."""
        conversation, connection = self._conversation, self._connection
        if self._site.settings.tls_mode != "starttls" or not connection.can_start_tls:
            self._answer(bad("TLS is active, or not offered"))
            return
        self._answer(ok("Begin TLS"))
        await conversation.flush()
        await connection.start_tls()
        conversation.session.tls = connection.tls
        # The engine forgets what came in the clear behind the command.
        early_octets = self._engine.tls_started()
        if early_octets:
            self._site.context.journal.warning(
                "tls.early_octets", session=conversation.session.id, size_octets=early_octets
            )

    # Login.

    async def _login(self, command: Login) -> None:
        self._after_login(await self._logins.password(command))

    async def _authenticate(self, command: Authenticate) -> None:
        self._after_login(await self._logins.begin(command))

    async def _auth_response(self, event: AuthResponse) -> None:
        self._after_login(await self._logins.respond(event.response))

    async def _auth_cancelled(self, _event: AuthCancelled) -> None:
        self._logins.cancel()

    def _after_login(self, step: Reply | Ask) -> None:
        if isinstance(step, Ask):
            self._engine.challenge(step.challenge)
            return
        self._answer(step)
        if self._logins.failed >= FAILED_LOGINS:
            self._end("Too many failed logins")

    # APPEND.

    async def _append(self, command: Append) -> None:
        async def begin() -> Reply:
            self._appending = await begin_append(self._conversation, command)
            return ok("")

        await self._accept_append(begin())

    async def _append_message(self, event: AppendMessage) -> None:
        appending = self._appending

        async def announce() -> Reply:
            if appending is None:
                return no("No APPEND is open")
            await appending.announce(event.item)
            return ok("")

        await self._accept_append(announce())

    async def _accept_append(self, work: Awaitable[Reply]) -> None:
        """Let the client go on, or refuse the whole command."""
        reply = await self._guarded(work)
        if reply.is_positive:
            self._engine.accept()
            return
        self._drop_append()
        await self._tell_updates(Updates.ALL)
        self._answer(reply)

    async def _append_chunk(self, event: AppendChunk) -> None:
        if self._appending is not None:
            await self._appending.take(event.octets, last=event.last)

    async def _append_done(self, _event: AppendDone) -> None:
        appending = self._appending
        if appending is None:
            raise RuntimeError("no APPEND is open")
        try:
            reply = await self._guarded(appending.store())
        finally:
            self._drop_append()
        await self._tell_updates(Updates.ALL, reply)
        self._answer(reply)

    async def _append_cancelled(self, _event: AppendCancelled) -> None:
        self._drop_append()

    def _drop_append(self) -> None:
        if self._appending is not None:
            self._appending.drop()
            self._appending = None

    # IDLE.

    async def _idle(self, _command: Idle) -> None:
        """RFC 9051 §6.3.13."""
        self._engine.accept()
        await self._tell_updates(Updates.ALL)
        self._end_idle_if_gone()

    def _end_idle_if_gone(self) -> None:
        if self._is_mailbox_gone:
            reply = reply_to(MailboxNotFound())
            self._conversation.write(reply.encode(self._conversation.tag))
            self._end(_GONE)

    async def _idle_done(self, _event: IdleDone) -> None:
        await self._tell_updates(Updates.ALL)
        self._answer(ok("IDLE done"))

    # The end.

    async def _closed(self, _event: Closed) -> None:
        raise Over


_REQUESTS: Final[Mapping[type, Serve]] = {
    Append: ImapSession._append,  # noqa: SLF001 - the class's own
    Authenticate: ImapSession._authenticate,  # noqa: SLF001
    Idle: ImapSession._idle,  # noqa: SLF001
    Login: ImapSession._login,  # noqa: SLF001
    Select: ImapSession._select,  # noqa: SLF001
    StartTls: ImapSession._start_tls,  # noqa: SLF001
}
"""Commands that take part in the session's states."""

_SERVE: Final[Mapping[type, Callable[[ImapSession, Any], Awaitable[None]]]] = {
    Connected: ImapSession._greet,  # noqa: SLF001
    Request: ImapSession._request,  # noqa: SLF001
    AppendMessage: ImapSession._append_message,  # noqa: SLF001
    AppendChunk: ImapSession._append_chunk,  # noqa: SLF001
    AppendDone: ImapSession._append_done,  # noqa: SLF001
    AppendCancelled: ImapSession._append_cancelled,  # noqa: SLF001
    AuthResponse: ImapSession._auth_response,  # noqa: SLF001
    AuthCancelled: ImapSession._auth_cancelled,  # noqa: SLF001
    IdleDone: ImapSession._idle_done,  # noqa: SLF001
    Closed: ImapSession._closed,  # noqa: SLF001
}
