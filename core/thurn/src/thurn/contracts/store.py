"""Stores: accounts with mailboxes, mailboxes with messages.

A mailbox is a totally ordered change log: every change of it takes the account's next MODSEQ, so
that one number says what a reader has seen. `Mailbox.view()` is everything up to a MODSEQ as
immutable columns; `Mailbox.changes(since)` is what came after it. Names of mailboxes are data and
never become paths: any text of up to 1,024 octets of UTF-8 and up to 64 levels. "INBOX" (in any
case) always exists. The hierarchy separator is a setting of the site.

`AccountHandle.mailbox(name)` resolves the name *together with the rights* of the identity for
which the account was opened: hidden is the same as absent.

Everything here raises the StorageErrors of `thurn.types.errors`, and no other error on purpose.
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
"""Most keywords of one mailbox, because together with the system flags they fit into one 64-bit
column. A store raises LimitReached for one more; clients use about ten."""


@dataclass(frozen=True, slots=True)
class MailboxRecord:
    """What a list needs to know about a mailbox.

    Attributes:
        id: opaque, stable over renames, never used again for another mailbox. RFC 8474.
        name: with the site's separator; "INBOX" in capitals.
        uidvalidity: changes only if UIDs had to be assigned anew. RFC 9051 §2.3.1.1.
        uidnext: the next message's UID is at least this.
        highestmodseq: the MODSEQ of its newest change. RFC 7162.
        rights: the identity's rights, as letters of RFC 4314.
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

    All sessions of a worker share it: a newer view replaces it, and nobody changes its arrays. It
    needs about 40 octets a message.

    Attributes:
        flag_names: names of the bits of `flags`: SYSTEM_FLAGS, then keywords.
        flags: array("Q"), one bit mask per message.
        uids: array("I"). modseqs: array("Q"). sizes: array("Q"), RFC822.SIZE.
        received: array("q"), INTERNALDATE as POSIX seconds.
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
        complete: False if the store does not know any more what was expunged so long ago; then the
            caller compares lists of UIDs. RFC 7162 §3.2.5.2.
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
    """What FETCH can answer without opening the message: octets that were made ready at delivery.

    It is a tuple because one command may make a hundred thousand of them.

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
"""Header fields whose octets every store keeps in its index: clients ask for them in lists."""


class FlagChange(Enum):
    """How STORE combines flags with those that a message has. RFC 9051 §6.4.6."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class StoreResult:
    """What a flag change did.

    Attributes:
        refused: the UIDs that were left as they were because of `unchanged_since`.
        modseq: the new MODSEQ; 0: nothing was changed.
    """

    refused: tuple[int, ...]
    modseq: int


@dataclass(frozen=True, slots=True)
class CopyResult:
    """The UIDs of the copies, in the order of the source's UIDs. RFC 4315."""

    uidvalidity: int
    source_uids: tuple[int, ...]
    target_uids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Append:
    """A message to store.

    Attributes:
        key: by which a repeat is recognised (transaction and recipient). A store that has seen the
            key in the last days stores nothing and reports success; "": always stored.
        received: INTERNALDATE.
        create: create the mailbox if it is missing, instead of raising MailboxNotFound.
    """

    mailbox: str
    content: Content
    received: datetime
    flags: tuple[str, ...] = ()
    create: bool = False
    key: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where an appended message is; `uid` is 0 for a repeat. RFC 4315 (APPENDUID)."""

    mailbox_id: str
    uidvalidity: int
    uid: int


class Deposit(Protocol):
    """Something that is prepared to be stored; the host commits several deposits together.

    The caller awaits `place`, passes the `changes` of this and of other deposits to *one*
    `context.commit_log.commit`, and then awaits `commit`. A store that does not use the commit log
    has no changes and stores in `commit`; such deposits are committed before the others, one by
    one.
    """

    @property
    def changes(self) -> Sequence[Change]:
        """The changes that go through the commit log."""

    async def place(self) -> None:
        """Bring what is too large for the log to its final place, durably, but not yet visible.
        Awaited before the changes are committed. Does nothing for a small deposit."""

    async def commit(self) -> None:
        """Do the rest once the changes are durable. Idempotent by the key."""

    async def abort(self) -> None:
        """Undo what was prepared, also after a commit that failed. Never raises."""


class AppendDeposit(Deposit, Protocol):
    """The deposit of an `Append`."""

    @property
    def stored(self) -> Stored:
        """Where the message is; after the commit."""


@dataclass(frozen=True, slots=True)
class Document:
    """A small named text of an account, with its history: a Sieve script, a setting.

    Attributes:
        kind: "sieve", "vacation" …
        version: counted from 1; every change makes the next one.
        active: at most one document per kind is active (RFC 5804 SETACTIVE).
    """

    kind: str
    name: str
    content: bytes
    version: int
    changed_at: float
    active: bool = False


class Mailbox(Protocol):
    """A mailbox with the rights of an identity; messages are named by their UIDs.

    Cancellation of any change: all of it is done, or nothing.
    """

    @property
    def record(self) -> MailboxRecord:
        """The record as it was when `AccountHandle.mailbox` returned this mailbox: it never
        changes. Call that method again for newer numbers. It needs no I/O and never raises."""

    async def view(self) -> View:
        """The newest state. If nothing has changed, it is the same object, and cheap."""

    async def changes(self, since: int) -> Changes:
        """What happened after this MODSEQ."""

    async def wait_changed(self, since: int) -> None:
        """Return when the mailbox may have passed this MODSEQ, within a second of a change by any
        worker. This is only a hint: look with `view` or `changes`."""

    async def summaries(self, uids: Sequence[int]) -> Sequence[MessageSummary | None]:
        """The summaries of these messages, in this order; None for those that are gone. Opens no
        message file."""

    async def headers(self, uids: Sequence[int]) -> Sequence[bytes | None]:
        """Only the `headers` of the summaries, for SEARCH, in this order; None for messages that
        are gone. Opens no message file."""

    async def body(self, uid: int) -> Content:
        """The message as it was stored. Raises MessageExpunged."""

    async def bodies(self, uids: Sequence[int]) -> Sequence[Content | None]:
        """Several messages with one look into the index, in this order; None for those that are
        gone or cannot be read (`body` says which). The caller bounds how many octets it asks
        for."""

    async def flag(
        self,
        uids: Collection[int],
        change: FlagChange,
        flags: Sequence[str],
        *,
        unchanged_since: int | None = None,
    ) -> StoreResult:
        """Change flags; UIDs that are gone are ignored. RFC 7162 §3.1.3."""

    async def expunge(
        self, uids: Collection[int], *, unchanged_since: int | None = None
    ) -> Sequence[int]:
        """Remove these messages whatever their flags are, except those that changed after this
        MODSEQ; returns the UIDs that were removed, ascending.

        The caller chooses them (for EXPUNGE those flagged Deleted, for POP3 the marked ones), and
        its reason may have changed since its view.
        """

    async def copy(self, uids: Collection[int], target: str) -> CopyResult:
        """Copy messages with their flags and dates, in UID order, all or none. Bodies are
        shared."""

    async def move(self, uids: Collection[int], target: str) -> CopyResult:
        """Copy and expunge in one step. RFC 6851."""

    async def annotations(self) -> Mapping[str, bytes]:
        """All annotations of the mailbox by entry name (RFC 5464, with /private or /shared)."""

    async def annotate(self, entry: str, value: bytes | None) -> None:
        """Set an annotation; None removes it."""


class AccountHandle(Protocol):
    """An account as one identity sees it. Opening it is cheap, and an open one holds no lock.

    The store creates the account when it is first needed; a directory has said that it exists.
    """

    @property
    def account(self) -> AccountId:
        """The account's id."""

    @property
    def separator(self) -> str:
        """The hierarchy separator of names."""

    async def mailboxes(self) -> Sequence[MailboxRecord]:
        """All mailboxes that the identity may see, in name order, INBOX first."""

    async def mailbox(self, name: str) -> Mailbox:
        """Resolve a name together with the rights. Raises MailboxNotFound."""

    async def create(self, name: str, *, special_use: Collection[str] = ()) -> MailboxRecord:
        """Create a mailbox and its missing parents. Raises MailboxExists, MailboxNameRefused."""

    async def delete(self, name: str) -> None:
        """Remove a mailbox and its messages, but not its children. INBOX raises NotPermitted."""

    async def rename(self, name: str, new_name: str) -> None:
        """Rename a mailbox and its children. INBOX stays, and its messages move. RFC 9051
        §6.3.6."""

    async def subscribe(self, name: str, subscribed: bool) -> None:
        """Subscribe to a name, of which no mailbox need exist, or unsubscribe. RFC 9051 §6.3.7."""

    async def subscriptions(self) -> Sequence[str]:
        """All subscribed names, also those without a mailbox."""

    def prepare(self, append: Append) -> AppendDeposit:
        """Prepare a message, to be committed together with other deposits. Does no I/O yet."""

    async def append(self, append: Append) -> Stored:
        """Prepare and commit one message."""

    async def append_all(self, appends: Sequence[Append]) -> Sequence[Stored]:
        """Store all of these messages or none, in one commit. RFC 3502."""

    async def seen(self, key: str) -> bool:
        """Whether `remember(key)` was committed and its lifetime has not ended (vacation,
        duplicate)."""

    def remember(self, key: str, *, lifetime_seconds: float) -> Deposit:
        """Prepare a record for `seen`, to be committed together with other deposits."""

    async def documents(self, kind: str) -> Sequence[Document]:
        """The newest version of each document of this kind, in name order."""

    async def document(
        self, kind: str, name: str, *, version: int | None = None
    ) -> Document | None:
        """One document, its newest or a given version; None if it is absent."""

    async def active_document(self, kind: str) -> Document | None:
        """The active document of this kind, or None. Cheap, because each delivery asks for it."""

    async def put_document(self, kind: str, name: str, content: bytes) -> Document:
        """Store a new document, or a new version of one; `active` stays as it was."""

    async def activate_document(self, kind: str, name: str | None) -> None:
        """Make this document the active one of its kind; None: no document is active."""

    async def delete_document(self, kind: str, name: str) -> bool:
        """Remove a document, but not its history; False if it is absent."""

    async def document_history(self, kind: str, name: str) -> Sequence[Document]:
        """All versions of a document, oldest first."""

    async def annotations(self) -> Mapping[str, bytes]:
        """Annotations of the account as a whole."""

    async def annotate(self, entry: str, value: bytes | None) -> None:
        """Set an annotation; None removes it."""

    def changes(self) -> AbstractAsyncContextManager[MemoryReceiveChannel[str]]:
        """A channel of ids of mailboxes that any worker may have changed, for NOTIFY and indexers.
        They are only hints; a full channel keeps the newest."""

    def ability(self, kind: type[A]) -> A | None:
        """An ability that not every store has (a Protocol of its own), or None. Asked for once,
        after opening."""


class MailStore(Protocol):
    """The product of a store plugin."""

    async def open(self, account: AccountId, identity: Identity | None) -> AccountHandle:
        """The account as this identity sees it; None: as the host sees it, which delivers mail."""

    async def accounts(self) -> Sequence[AccountId]:
        """All accounts that have mail here."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the mail of an account needs, for quota."""

    octets: int
    messages: int
    mailboxes: Mapping[str, int] = field(default_factory=dict)


class SupportsUsage(Protocol):
    """The ability to know what the account's mail needs without counting it."""

    async def usage(self) -> Usage:
        """The octets and messages of all mailboxes."""
