"""No room on the disk: for a frame, a segment, an index. The groups fail, the log goes on."""

from __future__ import annotations

import json
import os

import pytest
import trio
from thurn.log import LogSettings, recover
from thurn.log.commitlog import GROUP_OCTETS, UNDO_OCTETS
from thurn.log.segment import segments
from thurn.types.content import Blob
from thurn.types.errors import StorageFull, StorageTrouble


async def test_no_room_fails_the_round_and_the_log_goes_on(make, kit, tmp_path):
    log = await make()
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    log.disk.errors["write"] = kit.full()
    with pytest.raises(StorageFull):
        await log.commit([kit.Add(a, "no room")])
    log.disk.errors.clear()
    await log.commit([kit.Add(a, "second")])
    assert not log.failed.is_set()
    assert [value for value, _ in a.rows] == ["first", "second"]
    assert [kit.decode(p)[2] for f in kit.frames(tmp_path) for _, p in f.records()] == [
        "first",
        "second",
    ]


async def test_half_a_frame_of_a_full_disk_is_overwritten(make, kit, tmp_path):
    log = await make()
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    write, calls = log.disk.write, []

    def some(number, parts, offset):
        calls.append(offset)
        if len(calls) > 1:
            raise kit.full()
        return write(number, [b"".join(parts)[:300]], offset)

    log.disk.write = some
    with pytest.raises(StorageFull):
        await log.commit([kit.Add(a, "no room", Blob(b"x" * 2000))])
    log.disk.write = write
    await log.commit([kit.Add(a, "second")])
    assert len(kit.frames(tmp_path)) == 2


@pytest.mark.slow
async def test_no_room_for_a_segment_is_reported_and_passes(make, kit):
    log = await make(LogSettings(segment_octets=16384))
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    with trio.fail_after(100):
        while log._spares._next is None:  # noqa: ASYNC110 - another thread's work, no event
            await trio.sleep(0.001)
    log.disk.errors["create"] = kit.full()

    async def fill():
        for _ in range(100):
            await log.commit([kit.Add(a, "x", Blob(os.urandom(3000)))])

    with pytest.raises(StorageFull):
        await fill()
    log.disk.errors.clear()
    with trio.fail_after(100):
        while True:
            try:
                await log.commit([kit.Add(a, "again")])
            except StorageFull:
                await trio.sleep(0.05)
            else:
                break
    assert a.rows[-1][0] == "again"


async def attempt(log, *changes):
    """What a caller hears."""
    try:
        await log.commit(changes)
    except (StorageFull, StorageTrouble) as error:
        return type(error).__name__
    return "done"


async def together(log, *groups):
    """What the callers of one round hear, in order."""
    heard = {}

    async def one(number, group):
        heard[number] = await attempt(log, *group)

    async with trio.open_nursery() as nursery:
        for number, group in enumerate(groups):
            nursery.start_soon(one, number, group)
    return [heard[number] for number in range(len(groups))]


def values(frames):
    return [json.loads(p)[2] for f in frames for _, p in f.records()]


@pytest.mark.parametrize("segment_octets", [16384, 4608])
async def test_an_index_without_room_refuses_its_groups_only(make, kit, tmp_path, segment_octets):
    """What was on the disk of them already is taken back: no replay brings it."""
    log = await make(LogSettings(segment_octets=segment_octets))
    a, b, c = (log.store.account(name) for name in "abc")
    b.fail_commit = StorageFull("the index")
    groups = [
        [kit.Add(a, "a1"), kit.Add(a, "a2")],
        [kit.Add(b, "b1"), kit.Add(c, "with b1")],
        [kit.Add(c, "c1")],
        [kit.Add(b, "b2", Blob(b"x" * 1000))],
    ]
    assert await together(log, *groups) == ["done", "StorageFull", "done", "StorageFull"]
    assert not log.failed.is_set()
    assert sorted(values(kit.frames(tmp_path))) == ["a1", "a2", "c1", "with b1"]
    assert [change.told for group in groups for change in group] == [1, 1, 0, 1, 1, 0]
    b.fail_commit = None
    assert await attempt(log, kit.Add(b, "b again")) == "done"
    await make.close()
    assert segments(tmp_path, 0, "seg") == []
    store = kit.Store()
    recover(tmp_path, {"store": store}, clock=kit.Clock(), everything=True)
    rows = {name: sorted(value for value, _ in one.rows) for name, one in store.accounts.items()}
    assert rows == {"a": ["a1", "a2"], "c": ["c1", "with b1"], "b": ["b again"]}


async def test_a_group_that_was_done_in_part_says_what_is_missing(make, kit):
    log = await make()
    a, b = log.store.account("a"), log.store.account("b")
    b.fail_commit = StorageFull("the index")
    changes = [kit.Add(a, "a1"), kit.Add(b, "b1"), kit.Add(a, "a2"), kit.Add(b, "b2")]
    for group, missing in ((changes, changes[1::2]), (changes[1::2], [])):
        with pytest.raises(StorageFull) as caught:
            await log.commit(group)
        assert list(caught.value.missing) == missing
    assert not log.has_failed


@pytest.mark.parametrize("call", ["write", "sync"])
async def test_what_cannot_be_taken_back_ends_the_log(make, kit, tmp_path, call):
    log = await make()
    a = log.store.account("a")

    def fail():
        a.rollback()
        log.disk.errors[call] = kit.full()
        raise StorageFull

    a.commit = fail
    assert await attempt(log, kit.Add(a, "x")) == "StorageTrouble"
    assert log.failed.is_set()
    await make.close()
    recover(tmp_path, log.owners, clock=kit.Clock())
    # What a failed sync has left may be read: its caller knows nothing, so either is right.
    assert len(a.rows) == (call == "write")


async def test_the_room_to_take_back_is_written_with_the_frame(make, kit):
    """At the end of a segment, where the file must grow."""
    log = await make(LogSettings(segment_octets=4608))
    a = log.store.account("a")
    await log.commit([kit.Add(a, "x", Blob(b"x" * 3000))])
    segment = log._spares.current
    assert segment.path.stat().st_size >= segment.position + UNDO_OCTETS


async def test_without_room_for_the_index_no_record_is_written(make, kit, tmp_path):
    """An index that finds no room after the sync would cost the worker."""
    log = await make()
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    log.disk.free = kit.SMALL.spared_octets + GROUP_OCTETS - 1
    with pytest.raises(StorageFull):
        await log.commit([kit.Add(a, "no room")])
    assert len(kit.frames(tmp_path)) == 1
    assert a.begun == 1
    log.disk.free = kit.SMALL.spared_octets + 2 * GROUP_OCTETS
    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(log.commit, [kit.Add(a, str(number))])
    assert len(kit.frames(tmp_path)) == 4  # two groups, two, one
    assert not log.failed.is_set()
