"""What the commit log's records say: every change as operations with the numbers they gave out.

A record is one `Entry`: an account and the operations of one change, in order. Each operation has
the account's next MODSEQ and a nonce; together they tell at replay whether it has been done, and
whether another change took the same number meanwhile (see `replay`). An operation says all that is
needed to do it again, except what the body itself says.

Rules of this file: shapes only. Fields are only ever added at the end, with a default.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

Summary: TypeAlias = tuple[int, bytes, bytes, bytes, bytes]
"""Header octets, ENVELOPE, BODYSTRUCTURE, BODY, cached fields."""

OWN: Final = 0
"""In place of a mailbox's number: the account itself."""


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
    """Mailboxes have new names: number and name."""

    names: tuple[tuple[int, str], ...]


class Keyword(_Operation, tag="keyword"):
    """A bit of a mailbox's flags has a name now."""

    mailbox: int
    bit: int
    name: str


class Appended(_Operation, tag="append"):
    """A message was stored. `nonce` is its number, which names its file.

    `place` is where the log has the body (slot, generation, offset), None when it is in its file.
    `name` is the mailbox's, for a replay that cannot keep the number. `summary` spares a replay the
    scan, which is half of its work; None when it is large, and in records of earlier versions.
    """

    mailbox: int
    name: str
    uid: int
    flags: int
    received: int
    length: int
    prefix: bytes
    place: tuple[int, int, int] | None
    key: str
    at: int
    summary: Summary | None = None


class Flagged(_Operation, tag="flag"):
    """Flags became (flags & ~clear) | set; only messages for which that is a change are named."""

    mailbox: int
    uids: bytes
    clear: int
    set: int


class Expunged(_Operation, tag="expunge"):
    """Messages were removed; `uidnext` must not go below."""

    mailbox: int
    uids: bytes
    uidnext: int


class Copied(_Operation, tag="copy"):
    """Messages were copied in order; `flags` are the copies', 8 octets each."""

    mailbox: int
    source: int
    uids: bytes
    first_uid: int
    flags: bytes


class Subscribed(_Operation, tag="subscribe"):
    """A name was subscribed or not."""

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
    """Another document of the kind, or none, is active."""

    kind: str
    name: str | None


class DocumentDeleted(_Operation, tag="forget"):
    """A document was removed; its history stays."""

    kind: str
    name: str


class Remembered(_Operation, tag="remember"):
    """A key is known until then (POSIX seconds)."""

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


class Entry(Struct, array_like=True, gc=False):
    """What one change did to one account."""

    account: str
    operations: list[Operation]


encode: Final = msgspec.msgpack.Encoder().encode
decode_entry: Final = msgspec.msgpack.Decoder(Entry).decode
decode_operation: Final = msgspec.msgpack.Decoder(Operation).decode
