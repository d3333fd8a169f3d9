"""The session: octets to the engine, its events to the commands, its replies to the client.

Rules of this file:
1. It decides nothing; each event is answered before the next one is asked for.
2. However a session ends, nothing of it is left (SASL exchange, lock). Its marks are dropped unless
   it ended by QUIT. RFC 1939 §6.
"""

from __future__ import annotations

<<<<<<< HEAD
from collections.abc import Iterator
from typing import Final

from thurn.plugin import (
    Ask,
    Connection,
    Granted,
    Identity,
    ListenerContext,
    Login,
    Refused,
    Session,
    Step,
    ThurnError,
    status_of,
)
from thurn_wire.pop3.capability import Offer
from thurn_wire.pop3.config import Pop3Config
from thurn_wire.pop3.event import (
    NEED_DATA,
    Apop,
    Auth,
    AuthCancelled,
    AuthResponse,
    Closed,
    Connected,
    Event,
    PasswordLogin,
    Pause,
    Retrieve,
    StartTls,
    Top,
    Update,
)
from thurn_wire.pop3.reply import ResponseCode, error, ok
from thurn_wire.pop3.server import Pop3Server
from thurn_wire.pop3.state import State
=======
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

from thurn_wire.pop3 import event
from thurn_wire.pop3.event import NEED_DATA, Pause
>>>>>>> h/imap

from thurn_listener_pop3.commands import login, retrieve, stls
from thurn_listener_pop3.commands.quit import update
from thurn_listener_pop3.conversation import Conversation
from thurn_listener_pop3.limits import FAILED_LOGINS

Step: TypeAlias = Callable[[Conversation, Any], Awaitable[None]]

STEPS: Final[Mapping[type[object], Step]] = {
    event.StartTls: stls.start_tls,
    event.PasswordLogin: login.password,
    event.DigestLogin: login.digest,
    event.AuthStart: login.auth,
    event.AuthResponse: login.respond,
    event.AuthCancelled: login.cancel,
    event.Retrieve: retrieve.retr,
    event.Top: retrieve.top,
    event.Quit: update,
}
"""What is done about each event; the engine answers all other commands itself."""


async def converse(conversation: Conversation) -> None:
    """Speak until the client or the session is done.

    Raises:
        OSError: the connection is lost.

<<<<<<< HEAD
    def __init__(
        self,
        connection: Connection,
        session: Session,
        config: Pop3Config,
        settings: Pop3Settings,
        context: ListenerContext,
        entry: Entry,
    ) -> None:
        self._connection = connection
        self._session = session
        self._settings = settings
        self._context = context
        self._entry = entry
        self._engine = Pop3Server(config, tls_active=connection.tls is not None)
        self._login: Login | None = None
        self._granted: Granted | None = None
        self._maildrop: OpenMaildrop | None = None
        self._failed_logins = 0

    async def run(self) -> None:
        """Speak until it is over."""
        engine = self._engine
        try:
            while self._failed_logins < FAILED_LOGINS:
                event = engine.next_event()
                if event is NEED_DATA:
                    await self._receive()
                elif isinstance(event, Pause):
                    await self._flush()
                elif isinstance(event, Closed):
                    break
                else:
                    await self._answer(event)
                    if engine.output_octets > FLUSH_OCTETS:
                        await self._flush()
            await self._flush()
        finally:
            await self._leave()

    # Octets.

    async def _receive(self) -> None:
        await self._flush()
        self._connection.extend(self._settings.idle)
        self._engine.receive_data(await self._connection.receive(RECEIVE_OCTETS))
        self._drain()

    async def _flush(self) -> None:
        octets = self._engine.data_to_send()
        if octets:
            self._connection.extend(self._settings.idle)
            await self._connection.send(octets)
        self._drain()

    def _drain(self) -> None:
        """While the worker closes nobody logs in any more; who reads goes on until QUIT, or until
        the host's time for draining is over."""
        if self._connection.closing and self._maildrop is None:
            self._engine.drain()

    async def _leave(self) -> None:
        self._cancel_login()
        if self._maildrop is not None:
            await self._entry.leave(self._maildrop)

    # Events.

    async def _answer(self, event: Event) -> None:  # noqa: C901 - one line for each event
        match event:
            case Retrieve(number):
                await self._retrieve(number)
            case Top(number, lines):
                await self._top(number, lines)
            case Update(deleted):
                await self._update(deleted)
            case PasswordLogin(name, password):
                gate = self._context.gate
                await self._step(await gate.password(self._session, name, password))
            case Auth(mechanism, initial):
                gate = self._context.gate
                self._login, step = await gate.begin(self._session, mechanism, initial)
                await self._step(step)
            case AuthResponse(response):
                await self._respond(response)
            case AuthCancelled():
                self._cancel_login()
            case StartTls():
                await self._start_tls()
            case Apop():  # never offered: the accounts keep no clear passwords
                self._refuse_login("not offered", ResponseCode.AUTHENTICATION)
            case Connected():
                self._engine.accept()
                self._offer()
            case Closed():
                pass

    async def _start_tls(self) -> None:
        """STLS. RFC 2595 §4."""
        self._engine.accept()
        await self._flush()
        await self._connection.start_tls()
        self._session.tls = self._connection.tls
        # RFC 2595 §4: the engine forgets what came in the clear, and octets behind the command.
        early_octets = self._engine.tls_started()
        if early_octets:
            self._context.diagnostics.warning(
                "tls.early_octets", session=self._session.id, size_octets=early_octets
            )
        self._offer()

    def _offer(self) -> None:
        """Say how a client may log in, as things are now. RFC 2595 §2.2, §4."""
        gate = self._context.gate
        starttls = self._settings.tls_mode == "starttls" and self._connection.can_start_tls
        self._engine.offer(
            Offer(
                mechanisms=gate.mechanisms(self._session),
                user=gate.password_allowed(self._session),
                starttls=starttls,
            )
        )

    # Login.

    async def _respond(self, response: bytes) -> None:
        granted, self._granted = self._granted, None
        if granted is not None:
            # RFC 4422 §3.6: the answer to the success's own octets is empty.
            if response:
                self._session.identity = None
                self._refuse_login("an empty response was expected", None)
            else:
                await self._enter(granted.identity)
        elif self._login is not None:
            await self._step(await self._login.step(response))

    async def _step(self, step: Step) -> None:
        match step:
            case Ask(challenge):
                self._engine.challenge(challenge)
            case Granted(identity, b""):
                await self._enter(identity)
            case Granted(_, octets):
                # RFC 5034 §4: +OK carries none, so they go out as one more challenge.
                self._granted = step
                self._engine.challenge(octets)
            case Refused(status):
                self._refuse_login(status.text, code_of_login(step))

    async def _enter(self, identity: Identity) -> None:
        """The login was right: open the maildrop, or say why not."""
        self._login = None
        try:
            self._maildrop, columns = await self._entry.open(self._session, identity)
        except LoginRefused as refusal:
            self._engine.send(error(str(refusal), refusal.code))
            self._session.identity = None
        except ThurnError as failure:
            self._trouble("maildrop.not_opened", failure)
            self._engine.send(error(status_of(failure).text, code_of(failure)))
            self._session.identity = None
        else:
            self._engine.accept_login(columns)

    def _refuse_login(self, text: str, code: ResponseCode | None) -> None:
        self._login = None
        self._failed_logins += 1
        self._engine.send(error(text, code))

    def _cancel_login(self) -> None:
        """The client gave up, or went away in the middle."""
        if self._granted is not None:
            self._granted = self._session.identity = None
        elif self._login is not None:
            self._login.cancel()
        self._login = None

    # Messages.

    @property
    def _open(self) -> OpenMaildrop:
        if self._maildrop is None:  # the engine asks for messages only after login
            raise RuntimeError("no maildrop is open")
        return self._maildrop

    async def _retrieve(self, number: int) -> None:
        """RETR. RFC 1939 §5."""
        maildrop = self._open
        try:
            size_octets, reader = await self._read(number)
            with reader:
                if size_octets <= WHOLE_OCTETS:
                    self._engine.send_message(reader.read(size_octets))
                else:
                    await self._stream(reader.pieces(), f"{size_octets} octets")
        except ThurnError as failure:
            self._unreadable(number, failure)
        else:
            maildrop.retrieved.add(maildrop.uid(number))

    async def _top(self, number: int, lines: int) -> None:
        """TOP: with no lines nothing but the header is read. RFC 1939 §7."""
        maildrop = self._open
        try:
            header_octets = await maildrop.header_octets(number)
            size_octets, reader = await self._read(number)
            with reader:
                pieces = top_pieces(reader, header_octets, lines)
                if size_octets <= WHOLE_OCTETS:
                    self._engine.send_message(b"".join(pieces))
                else:
                    await self._stream(pieces, "top of message follows")
        except ThurnError as failure:
            self._unreadable(number, failure)

    async def _read(self, number: int) -> tuple[int, ContentReader]:
        """A message's size, and the message; its octets are nowhere else."""
        content = await self._open.content(number)
        return content.size_octets, await ContentReader.open(content, self._entry.spool)

    async def _stream(self, pieces: Iterator[bytes], text: str) -> None:
        """Send pieces as they are read."""
        self._engine.begin_message(text)
        for piece in pieces:
            self._engine.send_chunk(piece)
            if self._engine.output_octets > FLUSH_OCTETS:
                await self._flush()
        self._engine.end_message()

    def _unreadable(self, number: int, failure: ThurnError) -> None:
        code = code_of(failure)
        if code is not None:
            self._trouble("message.unreadable", failure, uid=self._open.uid(number))
        if self._engine.state is State.MESSAGE:
            # The rest is missing: end without the dot, so that nobody takes a part for the whole.
            self._engine.send_failed()
        else:
            self._engine.send(error(status_of(failure).text, code))

    async def _update(self, deleted: tuple[int, ...]) -> None:
        """QUIT: the UPDATE state. RFC 1939 §6."""
        maildrop = self._open
        try:
            removed = await maildrop.remove(deleted)
        except ThurnError as failure:
            self._trouble("maildrop.not_updated", failure)
            # RFC 1939 §6: "some deleted messages not removed" is -ERR, and the session ends.
            text = "no deleted message was removed" if deleted else status_of(failure).text
            reply = error(text, code_of(failure))
        else:
            reply = ok(f"bye, {removed} messages removed")
            await self._mark_seen(maildrop)
        # Before the answer: whoever reads it may log in at once.
        await self._entry.leave(maildrop)
        self._engine.send(reply)

    async def _mark_seen(self, maildrop: OpenMaildrop) -> None:
        """Flags are a courtesy: that they cannot be set changes no answer."""
        if not self._settings.mark_seen:
            return
        try:
            await maildrop.mark_seen()
        except ThurnError as failure:
            self._trouble("maildrop.not_marked", failure)

    def _trouble(self, event: str, failure: ThurnError, **facts: object) -> None:
        identity = self._session.identity
        self._context.diagnostics.warning(
            event,
            session=self._session.id,
            account=None if identity is None else identity.account,
            failure=repr(failure),
            **facts,
        )
=======
    Cancellation: nothing is deleted, except what QUIT was just removing.
    """
    engine = conversation.engine
    engine.greet()
    conversation.offer()
    try:
        while conversation.failed_logins < FAILED_LOGINS:
            happened = engine.next_event()
            if happened is NEED_DATA:
                await conversation.receive()
            elif isinstance(happened, Pause):
                await conversation.flush()
            elif isinstance(happened, event.Closed):
                break
            else:
                await STEPS[type(happened)](conversation, happened)
                await conversation.relieve()
        await conversation.flush()
    finally:
        conversation.end_login()
        await conversation.leave()
>>>>>>> h/imap
