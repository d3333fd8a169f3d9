"""One session: octets from the connection to the engine, what the engine asks to flow and gate.

Rules of this file:
1. What a chunk asks is answered with one send; before a message is judged, what waits is sent.
2. Decisions are the mail flow's; only this file turns them into replies.
3. A transaction is told its end exactly once: `message`, `refuse` or `abandon`.
4. STARTTLS forgets everything: hello, login, transaction, remembered refusals. RFC 3207 §4.2.
5. While the worker drains, the next command is answered 421 and the session ends.
"""

from __future__ import annotations

from typing import Final

import trio
from thurn.contracts.connection import Connection
from thurn.contracts.gate import Ask, Granted, Login, Step
from thurn.plugin import (
    Accept,
    Address,
    Disconnect,
    ListenerContext,
    Recipient,
    Reject,
    Session,
    Status,
    Tempfail,
    Transaction,
)
from thurn.types.content import Blob
from thurn_message.address import NEEDS_SMTPUTF8, AddressError, is_postmaster
from thurn_wire.smtp import event as ev
from thurn_wire.smtp.config import Profile, SmtpConfig
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.server import SmtpServer

from thurn_listener_smtp.reply import greeting_refusal, refusal_of, reply_of
from thurn_listener_smtp.settings import SmtpSettings
from thurn_listener_smtp.spool import Spool, SpooledContent

COMMAND_OCTETS: Final = 16_384
"""One read while commands are expected; a whole pipelined envelope fits."""
CONTENT_OCTETS: Final = 65_536
"""One read of content: large reads save calls, larger ones cost more than they save."""
FAILED_LOGINS: Final = 10
"""Of one connection; a guesser must come again and meet the login policies."""
SLOW_SECONDS: Final = 1.0
"""Before each refusal from half of the allowed errors on."""

_TLS_FIRST: Final = Reply(530, "5.7.0", ("Must issue a STARTTLS command first",))  # RFC 3207 §4
_EARLY: Final = Reply(554, None, ("You talk before the greeting",))  # RFC 5321 §3.1
_BAD_SENDER: Final = "5.1.7"
_BAD_RECIPIENT: Final = "5.1.3"
_TOO_MANY_LOGINS: Final = Reply(421, "4.7.0", ("Too many failed logins",))

Refusal = Disconnect | Reject | Tempfail


class SmtpSession:
    """One connection, from the greeting to its end."""

    __slots__ = (
        "_connection", "_context", "_engine", "_failed_logins", "_login", "_refused", "_session",
        "_settings", "_spool", "_spooled", "_transaction",
    )  # fmt: skip

    def __init__(
        self,
        connection: Connection,
        session: Session,
        config: SmtpConfig,
        settings: SmtpSettings,
        context: ListenerContext,
        spool: Spool,
    ) -> None:
        self._connection = connection
        self._session = session
        self._settings = settings
        self._context = context
        self._engine = SmtpServer(config, tls_active=connection.tls is not None)
        self._spool = spool
        self._spooled: SpooledContent | None = None
        self._transaction: Transaction | None = None
        self._login: Login | None = None
        self._failed_logins = 0
        self._refused = 0

    async def run(self) -> None:
        """Speak until it is over."""
        engine = self._engine
        try:
            while True:
                event = engine.next_event()
                if event is ev.NEED_DATA:
                    await self._receive()
                elif isinstance(event, ev.Closed):
                    break
                elif not isinstance(event, ev.Pause):
                    await self._answer(event)
            await self._flush()
        finally:
            self._drop_content()
            self._end_transaction()
            self._cancel_login()

    # Octets.

    async def _receive(self) -> None:
        await self._flush()
        if self._connection.closing:
            self._engine.drain()
        self._connection.extend(self._settings.idle)
        size = CONTENT_OCTETS if self._transaction is not None else COMMAND_OCTETS
        self._engine.receive_data(await self._connection.receive(size))

    async def _flush(self) -> None:
        octets = self._engine.data_to_send()
        if octets:
            await self._connection.send(octets)

    # Events.

    async def _answer(self, event: ev.Event) -> None:  # noqa: C901, PLR0912 - a line an event
        match event:
            case ev.Mail():
                await self._mail(event)
            case ev.Recipient():
                await self._recipient(event)
            case ev.DataBegin():
                self._engine.accept()
            case ev.Message():
                await self._message(event)
            case ev.Hello():
                await self._hello(event)
            case ev.Connected():
                await self._greet()
            case ev.DataChunk(octets):
                await self._chunk(octets)
            case ev.ContentRefused(reply, _):
                self._content_refused(reply)
            case ev.Reset():
                self._end_transaction()
            case ev.StartTls():
                await self._start_tls()
            case ev.Auth(mechanism, initial):
                await self._authenticate(mechanism, initial)
            case ev.AuthResponse(octets):
                if self._login is not None:
                    await self._step(await self._login.step(octets))
            case ev.AuthCancelled():
                self._cancel_login()
            case ev.Verify() | ev.Expand() | ev.Closed():
                pass  # not asked for by the configuration

    async def _greet(self) -> None:
        answer = await self._context.mailflow.connect(self._session)
        if not isinstance(answer, Accept):
            self._engine.send(greeting_refusal(answer.status, self._context.hostname))
            return
        if self._settings.early_talkers == "refuse" and await self._talks_early():
            self._engine.send(_EARLY)
            return
        self._offer()
        self._engine.accept(*([self._settings.greeting] if self._settings.greeting else []))

    async def _talks_early(self) -> bool:
        """Whether the peer sends something within the delay before the greeting."""
        if self._settings.greeting_delay <= 0:
            return False
        with trio.move_on_after(self._settings.greeting_delay):
            self._engine.receive_data(await self._connection.receive(COMMAND_OCTETS))
        return self._engine.early_talker

    async def _hello(self, event: ev.Hello) -> None:
        self._end_transaction()
        self._session.extended = event.verb != "HELO"
        answer = await self._context.mailflow.hello(self._session, event.name)
        if isinstance(answer, Accept):
            self._offer()
            self._engine.accept()
        else:
            await self._refuse(answer)

    def _offer(self) -> None:
        """Mechanisms and STARTTLS, as things are now."""
        session, starttls = self._session, self._settings.tls_mode == "starttls"
        may_log_in = session.tls is not None or not self._settings.require_tls
        mechanisms = self._context.gate.mechanisms(session) if may_log_in else ()
        self._engine.offer(
            mechanisms=mechanisms, starttls=starttls and self._connection.can_start_tls
        )

    async def _refuse(self, answer: Refusal) -> None:
        """A refusal; from half of the allowed number on each takes its time."""
        self._refused += 1
        if self._refused * 2 > self._settings.errors:
            await self._flush()
            await trio.sleep(SLOW_SECONDS)
        self._engine.send(refusal_of(answer.status))
        if not isinstance(answer, Disconnect):
            self._engine.count_error()

    # The transaction.

    async def _mail(self, event: ev.Mail) -> None:
        if self._settings.require_tls and self._session.tls is None:
            self._engine.send(_TLS_FIRST)
            return
        sender: Address | None = None
        if event.path is not None:
            try:
                sender = Address.parse_path(event.path, smtputf8=event.smtputf8)
            except AddressError as error:
                self._bad_address(error, _BAD_SENDER)
                return
        answer = await self._context.mailflow.sender(self._session, sender, event.parameters)
        if isinstance(answer, Transaction):
            self._transaction = answer
            self._engine.accept()
        else:
            await self._refuse(answer)

    async def _recipient(self, event: ev.Recipient) -> None:
        transaction = self._open
        try:
            if is_postmaster(event.path):  # RFC 5321 §4.5.1
                address = Address.parse(f"postmaster@{self._context.hostname}")
            else:
                smtputf8 = "SMTPUTF8" in transaction.parameters
                address = Address.parse_path(event.path, smtputf8=smtputf8)
        except AddressError as error:
            self._bad_address(error, _BAD_RECIPIENT)
            return
        recipient = Recipient(address, event.parameters)
        answer = await self._context.mailflow.recipient(transaction, recipient)
        if isinstance(answer, Accept):
            self._engine.accept()
        else:
            await self._refuse(answer)

    def _bad_address(self, error: AddressError, enhanced: str) -> None:
        """RFC 5321 §4.2.3 (553), RFC 6531 §3.5 (5.6.7)."""
        code = "5.6.7" if error.reason == NEEDS_SMTPUTF8 else enhanced
        self._engine.send(Reply(553, code, ("This address cannot be used",)))
        self._engine.count_error()

    async def _chunk(self, octets: bytes) -> None:
        if self._spooled is None:
            self._spooled = self._spool.start()
        await self._spooled.write(octets)

    async def _message(self, event: ev.Message) -> None:
        transaction = self._open
        await self._flush()
        blob: Blob | None = Blob(event.octets)
        if self._spooled is not None:
            blob = await self._spooled.finish(event.octets)
        lmtp = self._engine.config.profile is Profile.LMTP
        try:
            if blob is None:
                await self._no_room(transaction, lmtp)
                return
            outcome = await self._context.mailflow.message(
                transaction, blob, replies="each" if lmtp else "one"
            )
            self._transaction = None
            self._engine.send_replies([reply_of(status) for status in outcome.statuses])
            if any(status.is_success for status in outcome.statuses):
                self._refused = 0
            if outcome.disconnect:
                self._engine.drain()
        finally:
            self._drop_content()

    async def _no_room(self, transaction: Transaction, lmtp: bool) -> None:
        """The content could not be kept while it came: temporary, in step."""
        spooled = self._spooled
        failure = spooled.failure if spooled is not None else None
        status = failure or Status(452, "4.3.1", "Not enough storage here, try again later")
        self._context.mailflow.refuse(transaction, status, "content.no_room")
        self._transaction = None
        count = self._engine.accepted_recipients if lmtp else 1
        self._engine.send_replies([reply_of(status)] * count)

    def _content_refused(self, reply: Reply) -> None:
        """The engine refused it at its true end: too large, or bare line ends."""
        self._drop_content()
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            status = Status(reply.code, reply.enhanced or "5.0.0", reply.text[0])
            self._context.mailflow.refuse(transaction, status, "content.refused")

    @property
    def _open(self) -> Transaction:
        if self._transaction is None:  # the engine keeps the order
            raise RuntimeError("no transaction is open")
        return self._transaction

    def _end_transaction(self) -> None:
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            self._context.mailflow.abandon(transaction)

    def _drop_content(self) -> None:
        if self._spooled is not None:
            self._spooled.remove()
            self._spooled = None

    # Who is it.

    async def _start_tls(self) -> None:
        self._engine.send(Reply(220, "2.0.0", ("Ready to start TLS",)))
        await self._flush()
        await self._connection.start_tls()
        session = self._session
        session.tls = self._connection.tls
        session.hello, session.extended = "", True
        session.identity = session.remembered = None
        self._end_transaction()
        self._cancel_login()
        self._engine.tls_started()

    async def _authenticate(self, mechanism: str, initial: bytes | None) -> None:
        gate = self._context.gate
        self._login, step = await gate.begin(self._session, mechanism, initial)
        await self._step(step)

    async def _step(self, step: Step) -> None:
        match step:
            case Ask(challenge):
                self._engine.challenge(challenge)
            case Granted():
                self._login = None
                self._engine.accept()
            case _:
                self._login = None
                self._failed_logins += 1
                if self._failed_logins >= FAILED_LOGINS:
                    self._engine.send(_TOO_MANY_LOGINS)
                else:
                    self._engine.send(reply_of(step.status))

    def _cancel_login(self) -> None:
        if self._login is not None:
            self._login.cancel()
            self._login = None
