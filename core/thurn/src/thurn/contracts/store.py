"""Stores: accounts of mailboxes of messages (design D11).

A mailbox is a totally ordered change log: every change of it takes the account's next MODSEQ, so
that one number says what a reader has seen. `Mailbox.view()` is everything up to a MODSEQ as
immutable columns; `Mailbox.changes(since)` is what came after. Names of mailboxes are data: any
text up to 1,024 octets of UTF-8 with at most 64 levels; they never become paths. "INBOX" (any
case) always exists. The hierarchy separator is the site's setting.

`AccountHandle.mailbox(name)` resolves the name *together with the rights* of the identity for
which the account was opened: hidden is the same as absent.

Everything here raises the StorageErrors of `thurn.types.errors` and nothing else on purpose.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final, NamedTuple, Protocol, TypeVar

from trio import MemoryReceiveChannel

from thurn.contracts.commitlog import Change
from thurn.types.content import Content
from thurn.types.identity import AccountId, Identity

A = TypeVar("A")

SYSTEM_FLAGS: Final = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft")
"""The first five bits of the flags column, in this order. RFC 9051 §2.3.2."""

KEYWORDS_PER_MAILBOX: Final = 58
"""Keywords of one mailbox: with the system flags they fit one 64-bit column. Past it a store
raises LimitReached; Dovecot allows some hundred, clients use about ten."""


@dataclass(frozen=True, slots=True)
class MailboxRecord:
    """What a list needs to know of a mailbox.

    Attributes:
        id: opaque, stable over renames, never given again. RFC 8474.
        name: in the site's separator; "INBOX" in capitals.
        uidvalidity: changes only when UIDs had to be given anew. RFC 9051 §2.3.1.1.
        uidnext: the next message's UID is at least this.
        highestmodseq: of this mailbox. RFC 7162.
        rights: RFC 4314 letters of the identity.
    """

    id: str
    name: str
    uidvalidity: int
    uidnext: int
    highestmodseq: int
    messages: int
    unseen: int
    size_octets: int
    special_use: frozenset[str] = frozenset()
    subscribed: bool = False
    rights: str = "lrswipkxtea"
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """A mailbox at one MODSEQ: immutable columns, one index per message, in UID order.

    Shared by all sessions of a worker; nobody changes the arrays. About 40 octets a message.

    Attributes:
        flag_names: names of the bits of `flags`: SYSTEM_FLAGS, then keywords.
        flags: array("Q"), one bit mask per message.
        uids: array("I"). modseqs: array("Q"). sizes: array("Q"), RFC822.SIZE.
        received: array("q"), INTERNALDATE as POSIX seconds.
        thread-free by design: replaced, never changed.
    """

    mailbox_id: str
    uidvalidity: int
    uidnext: int
    highestmodseq: int
    flag_names: tuple[str, ...]
    uids: array[int]
    flags: array[int]
    modseqs: array[int]
    sizes: array[int]
    received: array[int]

    def __len__(self) -> int:
        return len(self.uids)


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to a mailbox after a MODSEQ.

    Attributes:
        highestmodseq: pass it as `since` next time.
        vanished: UIDs expunged, ascending. May name UIDs that the caller never saw.
        changed: index-parallel to `flags` and `modseqs`: UIDs whose flags changed or that are
            new, ascending; new ones are those at or above the caller's uidnext.
        complete: False when the store no longer knows what was expunged that long ago: the
            caller compares UID lists. RFC 7162 §3.2.5.2.
    """

    highestmodseq: int
    uidnext: int
    flag_names: tuple[str, ...]
    changed: array[int]
    flags: array[int]
    modseqs: array[int]
    sizes: array[int]
    received: array[int]
    vanished: array[int]
    complete: bool = True


class MessageSummary(NamedTuple):
    """What FETCH answers without opening the message: ready octets, made at delivery.

    A tuple, since a hundred thousand are made for one command.

    Attributes:
        email_id: opaque, equal for copies of the same content. RFC 8474.
        envelope, bodystructure, body: as they stand in a FETCH response (`thurn_message.Scan`).
        header_octets: the length of the header with its empty line.
        headers: the cached fields as they are in the message, in order (see CACHED_HEADERS).
    """

    uid: int
    email_id: str
    envelope: bytes
    bodystructure: bytes
    body: bytes
    header_octets: int
    size_octets: int
    headers: bytes


CACHED_HEADERS: Final = frozenset(
    b"from to cc bcc reply-to sender subject date message-id in-reply-to references list-id"
    b" content-type importance priority x-priority disposition-notification-to".split()
)
"""Fields whose octets every store keeps with the index: what clients ask for in lists."""


class FlagChange(Enum):
    """How STORE joins flags with those that are there. RFC 9051 §6.4.6."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class StoreResult:
    """What a flag change did: UIDs refused by `unchanged_since`, and the new MODSEQ (0: none)."""

    refused: tuple[int, ...]
    modseq: int


@dataclass(frozen=True, slots=True)
class CopyResult:
    """Which UIDs became which. RFC 4315."""

    uidvalidity: int
    source_uids: tuple[int, ...]
    target_uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Append:
    """A message to store.

    Attributes:
        key: makes a repeat recognisable: (transaction, recipient); "" = always store. A store
            that finds the key among those of the last days stores nothing and reports success.
        received: INTERNALDATE.
        create: make the mailbox when it is missing, else MailboxNotFound.
    """

    mailbox: str
    content: Content
    received: datetime
    flags: tuple[str, ...] = ()
    create: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where an appended message is; RFC 4315 APPENDUID. `uid` 0: it was a repeat."""

    mailbox_id: str
    uidvalidity: int
    uid: int


class Deposit(Protocol):
    """A prepared piece of storing; several are committed together by the host (design D6).

    The caller awaits `place`, gives everything that `changes` names to *one*
    `context.commit_log.commit`, together with the changes of other deposits, and then calls
    `commit`.
    Engines with a durability of their own have no changes and store in `commit`.
    """

    @property
    def changes(self) -> Sequence[Change]:
        """What goes through the commit log."""

    async def place(self) -> None:
        """Bring what is too big for the log to where it stays, durably and unseen; before the
        changes are committed, outside the round. Does nothing for small ones."""

    async def commit(self) -> None:
        """The rest, when the changes are durable. Idempotent by the key."""

    async def abort(self) -> None:
        """Forget it; also after a failed commit. Never raises."""


class AppendDeposit(Deposit, Protocol):
    """The deposit of an `Append`."""

    @property
    def stored(self) -> Stored:
        """Where it went; only after the commit."""


@dataclass(frozen=True, slots=True)
class Document:
    """A small named text of an account: a Sieve script, a setting. With history.

    Attributes:
        kind: "sieve", "vacation" …
        version: counts from 1; every change makes the next one.
        active: at most one document per kind is active (RFC 5804 SETACTIVE).
    """

    kind: str
    name: str
    content: bytes
    version: int
    changed_at: float
    active: bool = False


class Mailbox(Protocol):
    """A mailbox with the rights of an identity. UIDs unless said otherwise; sets are collections.

    Cancellation of any change: either all of it happened or nothing.
    """

    @property
    def record(self) -> MailboxRecord:
        """As of the last view or change seen."""

    async def view(self) -> View:
        """The newest state; cheap when nothing changed (the same object)."""

    async def changes(self, since: int) -> Changes:
        """What happened after this MODSEQ."""

    async def wait_changed(self, since: int) -> None:
        """Return when the mailbox may have passed this MODSEQ: in any worker, within a second.
        A hint; look with `view` or `changes`."""

    async def summaries(self, uids: Sequence[int]) -> Sequence[MessageSummary | None]:
        """In the order asked; None for messages that have gone. Opens no message file."""

    async def headers(self, uids: Sequence[int]) -> Sequence[bytes | None]:
        """The `headers` of the summaries alone: what SEARCH looks through. In the order asked; None
        for messages that have gone. Opens no message file."""

    async def body(self, uid: int) -> Content:
        """The message as stored, to read. Raises MessageExpunged."""

    async def bodies(self, uids: Sequence[int]) -> Sequence[Content | None]:
        """The messages with one look for all, in the order asked; None for those that have gone or
        cannot be read: `body` says which. The caller bounds the octets it asks for at once."""

    async def flag(
        self,
        uids: Collection[int],
        change: FlagChange,
        flags: Sequence[str],
        *,
        unchanged_since: int | None = None,
    ) -> StoreResult:
        """Change flags; UIDs that are gone are passed over. RFC 7162 §3.1.3."""

    async def expunge(
        self, uids: Collection[int], *, unchanged_since: int | None = None
    ) -> Sequence[int]:
        """Remove these whatever their flags, but for those that changed after this MODSEQ; returns
        those that are gone by it, ascending.

        The caller chooses (those flagged Deleted for EXPUNGE, marked ones for POP3), and what it
        chose them by may have changed since its view.
        """

    async def copy(self, uids: Collection[int], target: str) -> CopyResult:
        """Copy in UID order, flags and dates with them; all or none. Bodies are shared."""

    async def move(self, uids: Collection[int], target: str) -> CopyResult:
        """Copy and expunge in one step. RFC 6851."""

    async def annotations(self) -> Mapping[str, bytes]:
        """All annotations of the mailbox by entry name (RFC 5464, with /private or /shared)."""

    async def annotate(self, entry: str, value: bytes | None) -> None:
        """Set or (None) remove one."""


class AccountHandle(Protocol):
    """An account as one identity sees it. Opening is cheap; it holds no lock.

    The account itself is made at first need; a directory has said that it exists.
    """

    @property
    def account(self) -> AccountId:
        """Whose it is."""

    @property
    def separator(self) -> str:
        """The hierarchy separator of names."""

    async def mailboxes(self) -> Sequence[MailboxRecord]:
        """All that the identity may see, in name order, INBOX first."""

    async def mailbox(self, name: str) -> Mailbox:
        """Resolve a name with its rights. Raises MailboxNotFound."""

    async def create(self, name: str, *, special_use: Collection[str] = ()) -> MailboxRecord:
        """Make it and its missing parents. Raises MailboxExists, MailboxNameRefused."""

    async def delete(self, name: str) -> None:
        """Remove it and its messages, not its children. INBOX: NotPermitted."""

    async def rename(self, name: str, new_name: str) -> None:
        """With its children. INBOX: its messages move, INBOX stays. RFC 9051 §6.3.6."""

    async def subscribe(self, name: str, subscribed: bool) -> None:
        """Subscribe or not; names of absent mailboxes may be subscribed. RFC 9051 §6.3.7."""

    async def subscriptions(self) -> Sequence[str]:
        """All subscribed names, absent ones too."""

    def prepare(self, append: Append) -> AppendDeposit:
        """A message to be committed together with other deposits. Does no I/O yet."""

    async def append(self, append: Append) -> Stored:
        """Prepare and commit one message."""

    async def append_all(self, appends: Sequence[Append]) -> Sequence[Stored]:
        """All or none, in one commit. RFC 3502."""

    async def seen(self, key: str) -> bool:
        """Whether `remember(key)` was committed and still lives (vacation, duplicate)."""

    def remember(self, key: str, *, lifetime_seconds: float) -> Deposit:
        """A record for `seen`, to be committed with other deposits."""

    async def documents(self, kind: str) -> Sequence[Document]:
        """The newest version of each document of this kind, in name order."""

    async def document(
        self, kind: str, name: str, *, version: int | None = None
    ) -> Document | None:
        """One document, the newest or a given version; None if absent."""

    async def active_document(self, kind: str) -> Document | None:
        """The active document of this kind, or None; asked at each delivery, so it is cheap."""

    async def put_document(self, kind: str, name: str, content: bytes) -> Document:
        """Make a document or a new version of it; `active` stays as it was."""

    async def activate_document(self, kind: str, name: str | None) -> None:
        """Make this one the active one of its kind; None: none is."""

    async def delete_document(self, kind: str, name: str) -> bool:
        """Remove it (its history stays); False if absent."""

    async def document_history(self, kind: str, name: str) -> Sequence[Document]:
        """All versions, oldest first."""

    async def annotations(self) -> Mapping[str, bytes]:
        """Annotations of the account as a whole."""

    async def annotate(self, entry: str, value: bytes | None) -> None:
        """Set or (None) remove one."""

    def changes(self) -> AbstractAsyncContextManager[MemoryReceiveChannel[str]]:
        """Ids of mailboxes that may have changed, from any worker; for NOTIFY and indexers.
        Hints: the channel keeps the newest when full."""

    def ability(self, kind: type[A]) -> A | None:
        """A rare ability (a Protocol of its own), or None; asked once after opening."""


class MailStore(Protocol):
    """The product of a store plugin."""

    async def open(self, account: AccountId, identity: Identity | None) -> AccountHandle:
        """The account as this identity sees it; None is the host itself (delivery)."""

    async def accounts(self) -> Sequence[AccountId]:
        """All accounts that have mail here."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account uses; for quota."""

    octets: int
    messages: int
    mailboxes: Mapping[str, int] = field(default_factory=dict)


class SupportsUsage(Protocol):
    """Ability: knows what the account uses without counting."""

    async def usage(self) -> Usage:
        """Octets and messages of all mailboxes."""
