"""What the commit log's records say: every change as operations with the numbers they gave out.

A record is one `AccountOperations`: an account and the operations of one change, in order. Each
operation has the account's next MODSEQ and a nonce. Together they tell a replay whether it has been
done, and whether another change took the same number meanwhile (see `log.replay`). An operation
says all that is needed to do it again, except what the message's body itself says.

Rules of this file: shapes only. They stand on disks, so tags and the order of fields keep their
spelling, and new fields come only at the end, with a default.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

Summary: TypeAlias = tuple[int, bytes, bytes, bytes, bytes]
"""What the index holds of a message's text: the length of its header, ENVELOPE, BODYSTRUCTURE, BODY
and the cached header fields."""

OWN: Final = 0
"""The account itself, in place of a mailbox's number."""


class _Operation(Struct, array_like=True, tag=True, gc=False):
    modseq: int
    nonce: int


class Created(_Operation, tag="mailbox"):
    """A mailbox was made."""

    mailbox: int
    name: str
    uidvalidity: int
    special_use: tuple[str, ...] = ()


class Deleted(_Operation, tag="delete"):
    """A mailbox and its messages were removed."""

    mailbox: int


class Renamed(_Operation, tag="rename"):
    """Mailboxes have new names; pairs of number and name."""

    names: tuple[tuple[int, str], ...]


class Keyword(_Operation, tag="keyword"):
    """A bit of a mailbox's flags got a name."""

    mailbox: int
    bit: int
    name: str


class Appended(_Operation, tag="append"):
    """A message was stored. `nonce` is its number, which names its file.

    Attributes:
        name: the mailbox's, for a replay that cannot keep the number.
        length: octets of the body.
        prefix: the trace fields above it, which differ per recipient.
        logged: where the log has the body (slot, generation, offset); None when it is in its file.
        key: the idempotency key, or "".
        at: when it was stored, POSIX seconds.
        summary: spares a replay the scan, which is half of its work; None when it is large, and in
            records of earlier versions.
    """

    mailbox: int
    name: str
    uid: int
    flags: int
    received: int
    length: int
    prefix: bytes
    logged: tuple[int, int, int] | None
    key: str
    at: int
    summary: Summary | None = None


class Flagged(_Operation, tag="flag"):
    """Flags became (flags & ~clear) | set; it names only messages for which that is a change."""

    mailbox: int
    uids: bytes
    clear: int
    set: int


class Expunged(_Operation, tag="expunge"):
    """Messages were removed; the mailbox's UIDNEXT never goes below `uidnext`."""

    mailbox: int
    uids: bytes
    uidnext: int


class Copied(_Operation, tag="copy"):
    """Messages were copied in order; `flags` are those of the copies, 8 octets each."""

    mailbox: int
    source: int
    uids: bytes
    first_uid: int
    flags: bytes


class Subscribed(_Operation, tag="subscribe"):
    """A name was subscribed, or is not subscribed any more."""

    name: str
    subscribed: bool


class Annotated(_Operation, tag="annotate"):
    """An annotation was set or (None) removed."""

    mailbox: int
    entry: str
    value: bytes | None


class DocumentPut(_Operation, tag="document"):
    """A document has a new version."""

    kind: str
    name: str
    version: int
    content: bytes
    changed_at: float


class DocumentActivated(_Operation, tag="activate"):
    """This document of the kind became the active one; None: none is active."""

    kind: str
    name: str | None


class DocumentDeleted(_Operation, tag="forget"):
    """A document was removed; its history stays."""

    kind: str
    name: str


class Remembered(_Operation, tag="remember"):
    """A key is remembered until this time, POSIX seconds."""

    key: str
    until: float


Operation: TypeAlias = (
    Created
    | Deleted
    | Renamed
    | Keyword
    | Appended
    | Flagged
    | Expunged
    | Copied
    | Subscribed
    | Annotated
    | DocumentPut
    | DocumentActivated
    | DocumentDeleted
    | Remembered
)


class AccountOperations(Struct, array_like=True, gc=False):
    """A record of the log: what one change did to one account."""

    account: str
    operations: list[Operation]


encode: Final = msgspec.msgpack.Encoder().encode
decode_record: Final = msgspec.msgpack.Decoder(AccountOperations).decode
decode_operation: Final = msgspec.msgpack.Decoder(Operation).decode
