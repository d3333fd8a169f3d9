"""What the commit log's records say, and how envelopes and statuses are kept.

Identity makes replay safe, numbers make it exact: an entry is inserted once for its id, a recipient
leaves once for its number in the entry; only tries and times need the order of `sequence`.

Rules of this file: shapes only. Fields are only ever added at the end, with a default.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec
from msgspec import Struct
from thurn.plugin import Address, Envelope, Recipient, Status

Place: TypeAlias = tuple[int, int, int]
"""Slot, generation and offset of a blob in the log."""
Mailbox: TypeAlias = tuple[str, str]
"""Local part and domain, in normal form."""
Parameters: TypeAlias = dict[str, str | None]


class Inserted(Struct, array_like=True, tag="insert", gc=False):
    """An entry came in. `place` None: its body is in its file."""

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

_Envelope: TypeAlias = tuple[
    Mailbox | None, Parameters, list[tuple[Mailbox, Parameters, Mailbox | None]]
]
_decode_envelope: Final = msgspec.msgpack.Decoder(_Envelope).decode
_decode_status: Final = msgspec.msgpack.Decoder(tuple[int, str, str]).decode


def pack_envelope(envelope: Envelope) -> bytes:
    """Everything that must survive the queue: paths, originals, all extension words."""
    recipients = [
        (_pair(one.address), dict(one.parameters), _pair(one.original))
        for one in envelope.recipients
    ]
    return encode((_pair(envelope.sender), dict(envelope.parameters), recipients))


def unpack_envelope(octets: bytes) -> Envelope:
    """The envelope as it was packed."""
    sender, parameters, recipients = _decode_envelope(octets)
    parsed = (
        Recipient(Address(*address), words, Address(*original) if original else None)
        for address, words, original in recipients
    )
    return Envelope(Address(*sender) if sender else None, tuple(parsed), parameters)


def _pair(address: Address | None) -> Mailbox | None:
    return (address.local, address.domain) if address is not None else None


def pack_status(status: Status) -> bytes:
    """A status as octets."""
    return encode((status.code, status.enhanced, status.text))


def unpack_status(octets: bytes | None) -> Status | None:
    """The status as it was packed."""
    return Status(*_decode_status(octets)) if octets is not None else None
