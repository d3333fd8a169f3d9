"""Segments of a log that is written: they fill, stretch, grow old, and belong to a slot."""

from __future__ import annotations

import trio
from thurn.log import LogSettings
from thurn.log.segment import segments
from thurn.types.content import Blob


async def test_segments_fill_and_are_sealed(make, kit, tmp_path):
    log = await make()
    a = log.store.account("a")
    for n in range(60):
        await log.commit([kit.Add(a, str(n), Blob(bytes([n]) * 1000))])
    assert segments(tmp_path, 0, "sealed")
    assert [log.read(reference) for _, reference in a.rows] == [
        bytes([n]) * 1000 for n in range(60)
    ]
    other = await make()
    assert other.read(a.rows[0][1]) == bytes(1000)
    await make.close()
    assert segments(tmp_path, 0, "seg") == []
    assert [f.sequence for f in kit.frames(tmp_path)][:2] == [0, 1]


async def test_large_groups_go_beyond_a_segment(make, kit):
    log = await make()
    a = log.store.account("a")
    await log.commit([kit.Add(a, str(n), Blob(bytes([n]) * 5000)) for n in range(50)])
    assert [log.read(ref) for _, ref in a.rows] == [bytes([n]) * 5000 for n in range(50)]


async def test_short_writes_are_completed(make, kit):
    log = await make()
    log.disk.short = True
    a = log.store.account("a")
    await log.commit([kit.Add(a, str(n), Blob(bytes([n]) * 500)) for n in range(20)])
    assert [log.read(ref) for _, ref in a.rows] == [bytes([n]) * 500 for n in range(20)]


async def test_an_old_segment_is_sealed(make, kit, tmp_path):
    log = await make(LogSettings(segment_octets=16384, seal_after_seconds=0.02))
    await log.commit([kit.Add(log.store.account("a"), "x")])
    with trio.fail_after(100):
        while not segments(tmp_path, 0, "sealed"):  # noqa: ASYNC110 - a file appears
            await trio.sleep(0.005)


async def test_each_process_has_a_slot(make):
    one, two = await make(), await make()
    assert (one._slot, two._slot) == (0, 1)
    assert one.free_octets() > 0
