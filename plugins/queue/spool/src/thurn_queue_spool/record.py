"""What the commit log's records say, and how envelopes and statuses are kept.

Identity makes replay safe, numbers make it exact: an entry is inserted once for its id, a recipient
leaves once for its number in the entry; only tries and times need the order of `sequence`.

Rules of this file: shapes only. Fields are only ever added at the end, with a default.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct
from thurn.plugin import (
    AccountId,
    Address,
    EntryKind,
    EntryOrigin,
    Envelope,
    HopClass,
    Recipient,
    Status,
)

Place: TypeAlias = tuple[int, int, int]
"""Slot, generation and offset of a blob in the log."""
Mailbox: TypeAlias = tuple[str, str]
"""Local part and domain, in normal form."""
Parameters: TypeAlias = dict[str, str | None]
Origin: TypeAlias = tuple[str, str, str, str, str]
"""Kind, hop class, account, transaction, listener; "" where there is none."""


class Inserted(Struct, array_like=True, tag="insert", gc=False):
    """An entry came in.

    Attributes:
        envelope: a packed `KeptEntry`.
        place: of its body in the log; None: it is in its file.
    """

    sequence: int
    id: str
    key: bytes | None
    at: float
    envelope: bytes
    recipients: int
    prefix: bytes
    length: int
    place: Place | None


class Settled(Struct, array_like=True, tag="settle", gc=False):
    """An attempt was made: numbers of recipients that left, and of those that wait."""

    sequence: int
    id: str
    finished: list[int]
    waiting: list[int]
    retry_at: float
    status: bytes | None


class Removed(Struct, array_like=True, tag="remove", gc=False):
    """An entry was taken out."""

    sequence: int
    id: str


class Routed(Struct, array_like=True, tag="route", gc=False):
    """An entry has a destination now."""

    sequence: int
    id: str
    destination: str


Edit: TypeAlias = Settled | Removed | Routed
Operation: TypeAlias = Inserted | Edit

encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Operation).decode


class KeptEntry(Struct, array_like=True, gc=False):
    """What an entry keeps from its deposit, in the log and in the file alike.

    Records written before origins were stored end behind `recipients`.
    """

    sender: Mailbox | None
    parameters: Parameters
    recipients: list[tuple[Mailbox, Parameters, Mailbox | None]]
    origin: Origin | None = None
    pending_stage: str = ""


_decode_entry: Final = msgspec.msgpack.Decoder(KeptEntry).decode
_decode_status: Final = msgspec.msgpack.Decoder(tuple[int, str, str]).decode


class UnpackedEntry(NamedTuple):
    """A `KeptEntry` in the host's own types."""

    envelope: Envelope
    origin: EntryOrigin | None
    pending_stage: str


def pack_entry(envelope: Envelope, origin: EntryOrigin | None, pending_stage: str) -> bytes:
    """Everything that must survive the queue: paths, originals, all extension words, the origin."""
    recipients = [
        (_pair(one.address), dict(one.parameters), _pair(one.original))
        for one in envelope.recipients
    ]
    return encode(
        (
            _pair(envelope.sender),
            dict(envelope.parameters),
            recipients,
            None if origin is None else _pack_origin(origin),
            pending_stage,
        )
    )


def unpack_entry(octets: bytes) -> UnpackedEntry:
    """The entry as it was packed, by this version or an older one."""
    kept = _decode_entry(octets)
    recipients = tuple(
        Recipient(Address(*address), words, Address(*original) if original else None)
        for address, words, original in kept.recipients
    )
    sender = Address(*kept.sender) if kept.sender else None
    origin = None if kept.origin is None else _unpack_origin(kept.origin)
    envelope = Envelope(sender, recipients, kept.parameters)
    return UnpackedEntry(envelope, origin, kept.pending_stage)


def _pack_origin(origin: EntryOrigin) -> Origin:
    hop_class = "" if origin.hop_class is None else origin.hop_class.value
    account = origin.account or ""
    return origin.kind.value, hop_class, account, origin.transaction, origin.listener


def _unpack_origin(origin: Origin) -> EntryOrigin:
    kind, hop_class, account, transaction, listener = origin
    return EntryOrigin(
        EntryKind(kind),
        HopClass(hop_class) if hop_class else None,
        AccountId(account) if account else None,
        transaction,
        listener,
    )


def _pair(address: Address | None) -> Mailbox | None:
    return (address.local, address.domain) if address is not None else None


def pack_status(status: Status) -> bytes:
    """A status as octets."""
    return encode((status.code, status.enhanced, status.text))


def unpack_status(octets: bytes | None) -> Status | None:
    """The status as it was packed."""
    return Status(*_decode_status(octets)) if octets is not None else None
