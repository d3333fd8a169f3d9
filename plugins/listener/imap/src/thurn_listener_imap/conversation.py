"""The state of one session, as its commands see it: who it is, what is selected, what is written.

Rules of this file:
1. Responses are gathered and sent together. More than `FLUSH_OCTETS` are sent before more is made;
   what is larger all the same waits for a slow client in a file, not in memory.
2. What other sessions did is told in one place (`tell_updates`), from the views of `Selected`.
3. Extensions see the part of it that `contract.ImapConversation` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import trio
from thurn.plugin import (
    AccountHandle,
    AccountRecord,
    Connection,
    Content,
    Deposit,
    Granted,
    HoldingGuard,
    ListenerContext,
    Login,
    MailboxNotFound,
    MailboxRecord,
    NotPermitted,
    QuotaGuard,
    Session,
    Stash,
    StorageError,
    TemporaryFailure,
)
from thurn_kit.pace import Pace
from thurn_wire.imap import code, reply
from thurn_wire.imap.server import ImapServer
from thurn_wire.imap.state import APPENDING, IDLING

from thurn_listener_imap.answer import CommandRefused, refused, wrong
from thurn_listener_imap.fetch.batch import Batch
from thurn_listener_imap.fetch.column import FLAGS, MODSEQ, UID
from thurn_listener_imap.fetch.item import CutOff
from thurn_listener_imap.fetch.octets import Octets
from thurn_listener_imap.fetch.plan import Plan
from thurn_listener_imap.incoming import IncomingMessages
from thurn_listener_imap.limits import (
    ASIDE_OCTETS,
    BATCH_MESSAGES,
    FLUSH_OCTETS,
    RECEIVE_LITERAL_OCTETS,
    RECEIVE_OCTETS,
    STRANGER_SECONDS,
)
from thurn_listener_imap.mailbox.followed import Waiter
from thurn_listener_imap.mailbox.selected import NOTHING_OWN, News, OwnChange, Selected
from thurn_listener_imap.parts import ImapParts
from thurn_listener_imap.permission import permanent_flags
from thurn_listener_imap.settings import ImapSettings


class Conversation:
    """The state of one session beyond the engine's.

    Attributes:
        parts: what all sessions of the listener share.
        session: the host's.
        connection: what the session speaks through; a command that takes over may replace it.
        engine: the engine of the protocol.
        selected: the selected mailbox, if any.
        condstore: the client knows MODSEQ. RFC 7162 §3.1.
        rev2: IMAP4rev2 is enabled: names and texts are UTF-8, RECENT does not exist.
        enabled: words of ENABLE.
        stash: what extensions keep.
        tag: of the command that is carried out.
        has_told: the command that is carried out has told the updates itself.
        login: the SASL exchange under way.
        granted: its success, while the client has yet to answer the success's octets.
        failed_logins: logins that were refused.
        incoming: the messages of the APPEND under way.
        holds: what guards hold for the command that is carried out.
    """

    __slots__ = (
        "_account",
        "_begun_at",
        "_has_ended",
        "_pace",
        "condstore",
        "connection",
        "enabled",
        "engine",
        "failed_logins",
        "granted",
        "has_told",
        "holds",
        "incoming",
        "login",
        "parts",
        "rev2",
        "selected",
        "session",
        "stash",
        "tag",
    )

    def __init__(self, parts: ImapParts, connection: Connection, session: Session) -> None:
        self.parts = parts
        self.connection = connection
        self.session = session
        self.engine = ImapServer(parts.extensions.grammar, parts.engine)
        self.selected: Selected | None = None
        self.condstore = False
        self.rev2 = False
        self.enabled: frozenset[str] = frozenset()
        self.stash = Stash()
        self.tag = b""
        self.has_told = False
        self.login: Login | None = None
        self.granted: Granted | None = None
        self.failed_logins = 0
        self.incoming: IncomingMessages | None = None
        self.holds: list[Deposit] = []
        self._account: AccountHandle | None = None
        self._has_ended = False
        self._pace: Pace | None = None
        self._begun_at = trio.current_time()

    # What surrounds it.

    @property
    def settings(self) -> ImapSettings:
        """The settings of the listener."""
        return self.parts.settings

    @property
    def context(self) -> ListenerContext:
        """The host."""
        return self.parts.context

    # Who it is.

    @property
    def is_logged_in(self) -> bool:
        """Whether an account is open."""
        return self._account is not None

    def log_in(self, account: AccountHandle) -> None:
        """The login was right, and its account is open."""
        self._account = account

    def end_login(self) -> None:
        """Drop the SASL exchange under way, if there is one."""
        if self.granted is not None:
            self.granted = self.session.identity = None
        elif self.login is not None:
            self.login.cancel()
        self.login = None

    @property
    def account(self) -> AccountHandle:
        """The open account. Raises CommandRefused before login."""
        if self._account is None:
            raise CommandRefused(wrong("Log in first"))
        return self._account

    def capabilities(self) -> list[str]:
        """What the client is announced now, each word once."""
        return self.parts.extensions.capabilities(self)

    def enable_rev2(self) -> None:
        """The client speaks IMAP4rev2 from now on. RFC 9051 §6.3.1."""
        self.rev2 = True
        self.engine.use_utf8()

    # The selected mailbox.

    @property
    def mailbox(self) -> Selected:
        """The selected mailbox. Raises CommandRefused where none is selected."""
        if self.selected is None:
            raise CommandRefused(wrong("Select a mailbox first"))
        return self.selected

    @property
    def is_mailbox_gone(self) -> bool:
        """Whether another session has deleted the selected mailbox."""
        return self.selected is not None and not self.selected.exists

    def deselect(self) -> None:
        """Nothing is selected any more."""
        self.selected = None

    def need_right(self, right: str) -> None:
        """Raise NotPermitted without this right to the selected mailbox. RFC 4314 §4."""
        if right not in self.mailbox.rights:
            raise NotPermitted

    def need_writable(self) -> None:
        """Raise CommandRefused in a mailbox that was opened by EXAMINE."""
        if self.mailbox.read_only:
            raise CommandRefused(refused("The mailbox is read-only", code.READ_ONLY))

    def enable_condstore(self) -> None:
        """The client has shown that it knows MODSEQ. RFC 7162 §3.1."""
        if self.condstore:
            return
        self.condstore = True
        if self.selected is not None:
            # RFC 7162 §3.1: a client that shows it late gets the number late.
            modseq = self.selected.told.highestmodseq
            self.write(reply.ok("From now on", code.highestmodseq(modseq)).encode())

    async def guard(self, mailbox: str, sizes: Iterable[int]) -> None:
        """Raise a StorageError where a guard lets no messages of these sizes into this mailbox."""
        if not self.parts.guards:
            return
        await self.end_holds()
        record, each = await self._record(), list(sizes)
        question = (record, self.account, mailbox, sum(each))
        for guard in self.parts.guards:
            if isinstance(guard, HoldingGuard):
                self.holds.append(await guard.hold_append(*question, len(each)))
            else:
                await guard.check_append(*question)

    async def guard_create(self, name: str) -> None:
        """Raise a StorageError where a guard lets no mailbox of this name be made."""
        for guard in self.parts.guards:
            if isinstance(guard, QuotaGuard):
                await guard.check_create(await self._record(), self.account, name)

    async def _record(self) -> AccountRecord:
        """The account's record. Raises TemporaryFailure where the directory has none."""
        record = await self.context.directory.account(self.account.account)
        if record is None:
            raise TemporaryFailure(f"account {self.account.account} has no record")
        return record

    async def end_holds(self) -> None:
        """End what guards hold: the command has stored its messages, or does not store them."""
        holds, self.holds = self.holds, []
        with trio.CancelScope(shield=True):
            for hold in holds:
                await hold.abort()

    # Octets from the client.

    async def receive(self, *, or_change: bool = False) -> bool:
        """Send what is gathered, then give the engine what the client sends next.

        Args:
            or_change: as in IDLE, also return when the selected mailbox may have changed.

        Returns:
            False where the mailbox may have changed and nothing was received.

        Raises:
            OSError: the connection is lost.
        """
        await self.flush()
        connection, engine = self.connection, self.engine
        if connection.closing and engine.is_between_commands:
            self.end("The server is closing", code.UNAVAILABLE)
            return True
        self.extend()
        octets = None
        if (or_change or engine.state in IDLING) and self.selected is not None:
            # Not in a coroutine of its own: thousands of sessions wait just here.
            with trio.CancelScope() as scope:
                waiter = self._waiter(self.selected, scope)
                try:
                    octets = await connection.receive(RECEIVE_OCTETS)
                finally:
                    self.parts.followed.remove(waiter)
        elif engine.state in APPENDING:
            octets = await self._receive_literal()
        else:
            octets = await connection.receive(RECEIVE_OCTETS)
        if octets is None:
            return False
        self._has_ended = not octets
        engine.receive_data(octets)
        return True

    async def _receive_literal(self) -> bytes:
        pace = self._pace
        if pace is not None:
            wait_seconds = pace.wait_seconds(trio.current_time(), self.settings.idle)
            self.connection.extend(wait_seconds)
        octets = await self.connection.receive(RECEIVE_LITERAL_OCTETS)
        if pace is not None:
            pace.receive(len(octets))
        return octets

    def begin_pace(self) -> None:
        """The messages of an APPEND come from now on, and their time begins."""
        self._pace = Pace(self.settings, trio.current_time(), is_logged_in=True)

    def _waiter(self, selected: Selected, scope: trio.CancelScope) -> Waiter:
        key = (self.account.account, selected.told.mailbox_id)
        waiter = Waiter(key, selected.newest.highestmodseq, scope)
        self.parts.followed.add(selected.mailbox, waiter)
        return waiter

    async def receive_octets(self, *, or_change: bool = False) -> bytes | None:
        """What the client sends next, as it comes; see `contract.ImapConversation`."""
        while self.engine.is_taken_over:
            octets = self.engine.take_octets()
            if octets or self._has_ended:
                return octets
            if not await self.receive(or_change=or_change):
                return None
        return b""  # the session has ended, since the server is closing

    def unread_octets(self, octets: bytes) -> None:
        """Give back what was received behind the end of what the command reads."""
        if octets:
            self.engine.receive_data(octets)

    def replace_connection(self, connection: Connection) -> int:
        """Speak through another connection from now on; see `contract.ImapConversation`."""
        dropped_octets = len(self.engine.take_octets())
        self.connection = connection
        return dropped_octets

    def extend(self) -> None:
        """Give the client the time that a silence may take."""
        settings = self.settings
        if self.is_logged_in:
            self.connection.extend(settings.idle)
            return
        total_seconds = max(STRANGER_SECONDS, settings.login_idle)
        left_seconds = self._begun_at + total_seconds - trio.current_time()
        self.connection.extend(min(settings.login_idle, left_seconds))

    # Octets to the client.

    def write(self, octets: bytes) -> None:
        """Gather whole responses, or the pieces of one in their order."""
        self.engine.write(octets)

    async def relieve(self) -> None:
        """Send what is gathered if it is much.

        Raises:
            OSError: the connection is lost.
            CutOff: see `flush`.
        """
        if self.engine.output_octets > FLUSH_OCTETS:
            await self.flush()

    async def flush(self) -> None:
        """Send everything that is gathered.

        Raises:
            OSError: the connection is lost.
            CutOff: what was set aside could not be read to its end; the session has to end.
        """
        size_octets = self.engine.output_octets
        if not size_octets:
            return
        pieces = self.engine.parts_to_send()
        self.extend()
        if size_octets <= ASIDE_OCTETS:
            await self.connection.send_parts(pieces)
        else:
            await self._send_aside(pieces)

    async def _send_aside(self, pieces: list[bytes]) -> None:
        """Send much: it is in a file while the client reads."""
        whole = Content.of(b"".join(pieces))
        pieces.clear()
        async with self.parts.known_parts.apart:
            content, file = await self.parts.spool.set_aside(whole, above_octets=ASIDE_OCTETS)
        del whole
        try:
            with Octets(content, file) as octets:
                for piece in octets.pieces(0, octets.size_octets):
                    self.extend()
                    await self.connection.send(piece)
        except StorageError as error:
            raise CutOff(str(error)) from error

    def end(self, text: str, why: bytes = b"") -> None:
        """End the session with BYE; what is gathered is sent before."""
        self.engine.send(reply.bye(text, why))

    def drop_incoming(self) -> None:
        """Drop the messages of the APPEND under way, if there is one."""
        self._pace = None
        if self.incoming is not None:
            self.incoming.drop()
            self.incoming = None

    def report(self, event: str, error: Exception, **facts: object) -> None:
        """Write a failure that is not the client's into the operator's log."""
        identity = self.session.identity
        self.context.diagnostics.warning(
            event,
            session=self.session.id,
            account=None if identity is None else identity.account,
            failure=repr(error),
            **facts,
        )

    # What the client is told of a mailbox.

    async def tell_updates(
        self,
        *,
        may_expunge: bool,
        uid: bool = False,
        own: Mapping[int, OwnChange] = NOTHING_OWN,
    ) -> None:
        """Write what other sessions, and this one, have done to the selected mailbox.

        Args:
            may_expunge: EXPUNGE responses may be sent now. RFC 9051 §7.5.1.
            uid: FETCH responses have the UID, since a UID command is answered.
            own: flag changes of this session that the client knows already.

        That the mailbox was deleted is not told here: see `Selected.exists`.
        """
        self.has_told = True
        selected = self.selected
        if selected is None:
            return
        try:
            news = await selected.look(may_expunge=may_expunge, with_modseq=self.condstore, own=own)
        except MailboxNotFound:
            return
        except StorageError as error:
            # The client is told next time; the answer to its command does not change.
            self.report("updates.not_read", error)
            return
        if news is not None:
            await self._write_news(selected, news, uid=uid)
        for responses in self.parts.extensions.update_responses:
            for octets in responses(self):
                self.write(octets)

    async def _write_news(self, selected: Selected, news: News, *, uid: bool) -> None:
        if news.gone:
            self.write(b"".join([b"* %d EXPUNGE\r\n" % number for number, _ in news.gone]))
        if news.exists is not None:
            self.write(reply.exists(news.exists))
            if not self.rev2:
                self.write(reply.recent(0))
        if news.keywords:
            self.write_flags(selected)
        await self.write_flags_of(news.changed, uid=uid)

    def write_flags(self, selected: Selected) -> None:
        """FLAGS and PERMANENTFLAGS of the mailbox. RFC 9051 §7.1, §7.3.5."""
        self.write(reply.flags(selected.flags.names))
        permanent = permanent_flags(selected)
        self.write(reply.ok("Flags permitted", code.permanentflags(permanent)).encode())

    async def write_flags_of(self, positions: list[int], *, uid: bool) -> None:
        """FETCH responses with the flags of messages at these positions of `Selected.told`."""
        selected = self.mailbox
        columns = (UID, FLAGS) if uid or self.rev2 or self.condstore else (FLAGS,)
        if self.condstore:
            # RFC 7162 §3.2: a client that knows MODSEQ gets it with every change.
            columns = (*columns, MODSEQ)
        plan = Plan(columns, (), flags=True)
        for start in range(0, len(positions), BATCH_MESSAGES):
            some = positions[start : start + BATCH_MESSAGES]
            batch = Batch(selected.told, some[0], some[-1] + 1, selected.flags, positions=some)
            self.write(plan.responses(batch))
            await self.relieve()

    def status_response(self, record: MailboxRecord, items: Sequence[str]) -> bytes:
        """The STATUS response of a mailbox, with items of all extensions. RFC 9051 §7.3.3."""
        table = self.parts.extensions.status_items
        pairs = [(item, table[item](self, record)) for item in items]
        return reply.status(record.name, pairs, utf8=self.rev2)
