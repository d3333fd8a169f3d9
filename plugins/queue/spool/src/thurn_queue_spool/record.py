"""The queue's records in the commit log, and the stored form of envelopes and statuses.

Ids make a replay safe: an entry is inserted once for its id, and a recipient is removed once for
its number in the entry. Only tries and times need the order of `sequence`.

Rules of this file: it has shapes only. New fields go to the end, with a default.
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
"""The slot, generation and offset of a blob in the log."""
Mailbox: TypeAlias = tuple[str, str]
"""The local part and domain of an address, in normal form."""
Parameters: TypeAlias = dict[str, str | None]
"""The extension parameters of MAIL or RCPT by keyword."""
Origin: TypeAlias = tuple[str, str, str, str, str]
"""The kind, hop class, account, transaction and listener; "" for each that is missing."""


class Inserted(Struct, array_like=True, tag="insert", gc=False):
    """An entry was inserted.

    Attributes:
        at: when it was queued, in POSIX seconds.
        envelope: the packed `KeptEntry`.
        recipients: the number of recipients.
        prefix: the trace fields before the body.
        length: the size of the body in octets.
        place: the place of the body in the log; None if it is in its file.
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
    """An attempt was made: the numbers of finished recipients, and of those that wait."""

    sequence: int
    id: str
    finished: list[int]
    waiting: list[int]
    retry_at: float
    status: bytes | None


class Removed(Struct, array_like=True, tag="remove", gc=False):
    """An entry was removed."""

    sequence: int
    id: str


class Routed(Struct, array_like=True, tag="route", gc=False):
    """An entry got a destination."""

    sequence: int
    id: str
    destination: str


Edit: TypeAlias = Settled | Removed | Routed
Operation: TypeAlias = Inserted | Edit

encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Operation).decode


class KeptEntry(Struct, array_like=True, gc=False):
    """The part of an entry that never changes, in the same form in the log and the file.

    Records written before origins were stored end after `recipients`.
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
    """The packed `KeptEntry`: all addresses and parameters, the origin, and the pending stage."""
    recipients = [
        (_pair(recipient.address), dict(recipient.parameters), _pair(recipient.original))
        for recipient in envelope.recipients
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
    """The packed form of a status."""
    return encode((status.code, status.enhanced, status.text))


def unpack_status(octets: bytes | None) -> Status | None:
    """The status as it was packed."""
    return Status(*_decode_status(octets)) if octets is not None else None
