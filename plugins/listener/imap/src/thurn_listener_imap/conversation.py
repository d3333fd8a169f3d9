"""One session as its commands see it: who it is, what is selected, what is said.

Rules of this file:
1. What is said is gathered and sent together; past `FLUSH_OCTETS` it is sent before more is made.
   What is large all the same waits for a slow client in a file, not in memory.
2. What other sessions did is told in one place (`tell_updates`), from the views of `Selected`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import trio
from thurn.plugin import (
    AccountHandle,
    AccountRecord,
    Connection,
    Content,
    Guard,
    Identity,
    ListenerContext,
    MailboxNotFound,
    NotPermitted,
    Session,
    Stash,
    StorageError,
    TemporaryFailure,
)
from thurn_kit.spool import Spool
from thurn_wire.imap import code, response
from thurn_wire.imap.sequence import sequence_set

from thurn_listener_imap.answer import CommandRefused, refused, wrong
from thurn_listener_imap.fetch.batch import Batch
from thurn_listener_imap.fetch.column import FLAGS, MODSEQ, UID
from thurn_listener_imap.fetch.item import CutOff
from thurn_listener_imap.fetch.octets import Octets
from thurn_listener_imap.fetch.plan import Plan
from thurn_listener_imap.fetch.source import Places
from thurn_listener_imap.limits import ASIDE_OCTETS, BATCH_MESSAGES, FLUSH_OCTETS, STRANGER_SECONDS
from thurn_listener_imap.mailbox.selected import NOTHING_OWN, News, OwnChange, Selected
from thurn_listener_imap.permission import permanent_flags
from thurn_listener_imap.registry import Extensions
from thurn_listener_imap.search.hits import HeaderTexts
from thurn_listener_imap.settings import ImapSettings


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """What the sessions of one listener share.

    Attributes:
        places: of parts of large messages.
        texts: header fields of mailboxes that are searched again.
        spool: large contents on their way in or out.
        guards: judges of what is stored.
    """

    settings: ImapSettings
    context: ListenerContext
    extensions: Extensions
    places: Places
    texts: HeaderTexts
    spool: Spool
    guards: tuple[Guard, ...]


class Conversation:
    """See the module.

    Attributes:
        site: what all sessions share.
        session: the host's.
        connection: for its TLS state and its closing.
        selected: the mailbox, if one is.
        condstore: the client knows of MODSEQ. RFC 7162 §3.1.
        rev2: the client has enabled IMAP4rev2: names and texts are UTF-8, no RECENT.
        tells_vanished: EXPUNGE is told as VANISHED. RFC 7162 §3.2.10.
        enabled: words of ENABLE.
        stash: what extensions keep.
        tag: of the command that is answered.
        has_told: the updates were told since this was last taken back.
    """

    __slots__ = (
        "_account",
        "_begun_at",
        "_octets",
        "_parts",
        "condstore",
        "connection",
        "enabled",
        "has_told",
        "rev2",
        "selected",
        "session",
        "site",
        "stash",
        "tag",
        "tells_vanished",
    )

    def __init__(self, site: Site, connection: Connection, session: Session) -> None:
        self.site = site
        self.connection = connection
        self.session = session
        self.selected: Selected | None = None
        self.condstore = False
        self.rev2 = False
        self.tells_vanished = False
        self.enabled: frozenset[str] = frozenset()
        self.stash = Stash()
        self.tag = b""
        self.has_told = False
        self._account: AccountHandle | None = None
        self._parts: list[bytes] = []
        self._octets = 0
        self._begun_at = trio.current_time()

    # Who it is.

    @property
    def is_logged_in(self) -> bool:
        """Whether an account is open."""
        return self._account is not None

    def log_in(self, account: AccountHandle) -> None:
        """The login was right, and its account is open."""
        self._account = account

    @property
    def account(self) -> AccountHandle:
        """The account; only after login."""
        if self._account is None:
            raise CommandRefused(wrong("Log in first"))
        return self._account

    @property
    def identity(self) -> Identity:
        """The login; only after login."""
        if self.session.identity is None:
            raise CommandRefused(wrong("Log in first"))
        return self.session.identity

    def capabilities(self) -> list[str]:
        """What is announced now, each word once."""
        words: dict[str, None] = {}
        for extension in self.site.extensions.all:
            words.update(dict.fromkeys(extension.capabilities(self)))
        return list(words)

    # The selected mailbox.

    @property
    def mailbox(self) -> Selected:
        """The selected mailbox; only where one is."""
        if self.selected is None:
            raise CommandRefused(wrong("Select a mailbox first"))
        return self.selected

    def need_right(self, right: str) -> None:
        """Raises NotPermitted without this right to the selected mailbox. RFC 4314 §4."""
        if right not in self.mailbox.rights:
            raise NotPermitted

    def need_writable(self) -> None:
        """Raises CommandRefused in a mailbox that was opened by EXAMINE."""
        if self.mailbox.read_only:
            raise CommandRefused(refused("The mailbox is read-only", code.READ_ONLY))

    def enable_condstore(self) -> None:
        """The client has shown that it knows of MODSEQ. RFC 7162 §3.1."""
        if self.condstore:
            return
        self.condstore = True
        if self.selected is not None:
            # RFC 7162 §3.1: a client that shows it late is told the number late.
            modseq = self.selected.told.highestmodseq
            self.write(response.ok(b"*", "From now on", code.highestmodseq(modseq)))

    async def guard(self, mailbox: str, size_octets: int) -> None:
        """Raises a StorageError where a guard lets no more octets into this mailbox."""
        if not self.site.guards:
            return
        record = await self._record()
        for guard in self.site.guards:
            await guard.check_append(record, self.account, mailbox, size_octets)

    async def _record(self) -> AccountRecord:
        record = await self.site.context.directory.account(self.account.account)
        if record is None:
            raise TemporaryFailure(f"account {self.account.account} has no record")
        return record

    def report(self, event: str, error: Exception, **facts: object) -> None:
        """Tell the operator of trouble that is ours."""
        identity = self.session.identity
        self.site.context.diagnostics.warning(
            event,
            session=self.session.id,
            account=None if identity is None else identity.account,
            failure=repr(error),
            **facts,
        )

    # What is said.

    def write(self, octets: bytes) -> None:
        """Whole responses, or pieces of one in their order."""
        self._parts.append(octets)
        self._octets += len(octets)

    async def relieve(self) -> None:
        """Send what is gathered if it is much.

        Raises:
            OSError: the client has gone.
            CutOff: see `flush`.
        """
        if self._octets > FLUSH_OCTETS:
            await self.flush()

    async def flush(self) -> None:
        """Send what is gathered.

        Raises:
            OSError: the client has gone.
            CutOff: what was set aside could not be read to its end; the session has to end.
        """
        if not self._parts:
            return
        octets = self._octets
        parts, self._parts, self._octets = self._parts, [], 0
        self.extend()
        if octets <= ASIDE_OCTETS:
            await self.connection.send_parts(parts)
        else:
            await self._send_aside(parts)

    async def _send_aside(self, parts: list[bytes]) -> None:
        """Send much: what was made at once is in a file while the client reads."""
        whole = Content.of(b"".join(parts))
        parts.clear()
        async with self.site.places.apart:
            content, file = await self.site.spool.set_aside(whole, above_octets=ASIDE_OCTETS)
        del whole
        try:
            with Octets(content, file) as octets:
                for piece in octets.pieces(0, octets.size_octets):
                    self.extend()
                    await self.connection.send(piece)
        except StorageError as error:
            raise CutOff(str(error)) from error

    def extend(self) -> None:
        """The peer has the time that a silence may take."""
        settings = self.site.settings
        if self.is_logged_in:
            self.connection.extend(settings.idle)
            return
        total_seconds = max(STRANGER_SECONDS, settings.login_idle)
        left_seconds = self._begun_at + total_seconds - trio.current_time()
        self.connection.extend(min(settings.login_idle, left_seconds))

    async def tell_updates(
        self,
        *,
        may_expunge: bool,
        uid: bool = False,
        own: Mapping[int, OwnChange] = NOTHING_OWN,
    ) -> None:
        """Tell what other sessions (and this one) did to the selected mailbox.

        Args:
            may_expunge: EXPUNGE responses may be sent now. RFC 9051 §7.5.1.
            uid: FETCH responses have the UID, since a UID command is answered.
            own: flag changes of this session of which the client needs no word.

        A mailbox that has gone is no news: see `Selected.exists`.
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
            # The client is told next time; the answer to its command is not changed by it.
            self.report("updates.not_read", error)
            return
        if news is not None:
            await self._write_news(selected, news, uid=uid)
        for contribution in self.site.extensions.update_responses:
            for octets in contribution(self):
                self.write(octets)

    async def _write_news(self, selected: Selected, news: News, *, uid: bool) -> None:
        if news.gone:
            self._write_gone(news)
        if news.exists is not None:
            self.write(response.exists(news.exists))
            if not self.rev2:
                self.write(response.recent(0))
        if news.keywords:
            self.write_flags(selected)
        await self.write_flags_of(news.changed, uid=uid)

    def _write_gone(self, news: News) -> None:
        if self.tells_vanished:
            uids = sequence_set(uid for _, uid in news.gone)
            self.write(response.vanished(uids))
            return
        self.write(b"".join([b"* %d EXPUNGE\r\n" % number for number, _ in news.gone]))

    def write_flags(self, selected: Selected) -> None:
        """FLAGS and PERMANENTFLAGS of the mailbox. RFC 9051 §7.1, §7.3.5."""
        self.write(response.flags(selected.flags.names))
        permanent = permanent_flags(selected)
        self.write(response.ok(b"*", "Flags permitted", code.permanentflags(permanent)))

    async def write_flags_of(self, positions: list[int], *, uid: bool) -> None:
        """FETCH responses with the flags of these messages of what the client has been told."""
        selected = self.mailbox
        columns = (UID, FLAGS) if uid or self.rev2 or self.condstore else (FLAGS,)
        if self.condstore:
            # RFC 7162 §3.2: whoever knows of MODSEQ is told it with every change.
            columns = (*columns, MODSEQ)
        plan = Plan(columns, (), flags=True)
        for start in range(0, len(positions), BATCH_MESSAGES):
            some = positions[start : start + BATCH_MESSAGES]
            batch = Batch(selected.told, some[0], some[-1] + 1, selected.flags, positions=some)
            self.write(plan.responses(batch))
            await self.relieve()
