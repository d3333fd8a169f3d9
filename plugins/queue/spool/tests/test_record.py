"""Packed entries are read back whole, those of older versions included."""

from __future__ import annotations

from msgspec import msgpack
from thurn.plugin import (
    PENDING_OUTGOING,
    AccountId,
    Address,
    EntryKind,
    EntryOrigin,
    Envelope,
    HopClass,
    Recipient,
    Record,
)
from thurn_queue_spool.record import Inserted, encode, pack_entry, unpack_entry

ENVELOPE = Envelope(
    Address.parse("ann@example.org"),
    (Recipient(Address.parse("bob@example.net"), {"NOTIFY": "NEVER"}),),
    {"REQUIRETLS": None},
)
ORIGIN = EntryOrigin(EntryKind.REDIRECT, HopClass.WORLD, AccountId("ann"), "t1", "listener.mx")
OLD = (
    ("ann", "example.org"),
    {"REQUIRETLS": None},
    [(("bob", "example.net"), {"NOTIFY": "NEVER"}, None)],
)
"""An entry as versions before origins packed it."""


def test_an_entry_comes_back_whole():
    for origin in (None, ORIGIN, EntryOrigin(EntryKind.SUBMITTED, None)):
        for stage in ("", PENDING_OUTGOING):
            assert unpack_entry(pack_entry(ENVELOPE, origin, stage)) == (ENVELOPE, origin, stage)


def test_an_entry_of_an_older_version_is_read():
    assert unpack_entry(msgpack.encode(OLD)) == (ENVELOPE, None, "")


def test_a_field_of_a_newer_version_is_ignored():
    newer = (*msgpack.decode(pack_entry(ENVELOPE, ORIGIN, "")), "unheard of")
    assert unpack_entry(msgpack.encode(newer)) == (ENVELOPE, ORIGIN, "")


async def test_a_record_of_an_older_version_is_replayed(bench):
    record = Inserted(1, "0" * 26, None, 1.0, msgpack.encode(OLD), 1, b"", 0, None)
    async with bench.open() as queue:
        bench.log.records.append(("queue.kit", Record(encode(record), 1)))
        bench.log.replay()
        (entry,) = await queue.entries()
        assert (entry.envelope, entry.origin, entry.pending_stage) == (ENVELOPE, None, "")
