"""What a commit does: its group is applied whole, in one frame with what came beside it."""

from __future__ import annotations

import os

import pytest
import trio
from thurn.log import LogSettings
from thurn.types.content import Blob
from thurn.types.errors import PluginError


async def test_a_commit_is_visible_reported_and_readable(make, kit):
    log = await make()
    account = log.store.account("a")
    change = kit.Add(account, "one", Blob(b"octets"))
    await log.commit([change])
    assert change.told == 1
    value, reference = account.rows[0]
    assert value == "one"
    assert log.read(reference) == b"octets"


async def test_all_that_arrives_in_a_tick_is_one_frame(make, kit, tmp_path):
    log = await make()
    await log.commit([kit.Add(log.store.account("a"), "first")])
    async with trio.open_nursery() as nursery:
        for n in range(20):
            nursery.start_soon(log.commit, [kit.Add(log.store.account(f"a{n % 5}"), str(n))])
    assert len(kit.frames(tmp_path)) == 2
    assert len(list(kit.frames(tmp_path)[1].records())) == 20
    assert log.store.account("a0").begun == 1


async def test_what_becomes_runnable_in_the_next_tick_is_in_the_frame_too(make, kit, tmp_path):
    log = await make()
    await log.commit([kit.Add(log.store.account("a"), "first")])

    async def later(account):
        await trio.lowlevel.checkpoint()
        await log.commit([kit.Add(account, "x")])

    for n in range(20):  # trio shuffles each tick
        async with trio.open_nursery() as nursery:
            nursery.start_soon(log.commit, [kit.Add(log.store.account("b"), str(n))])
            nursery.start_soon(later, log.store.account("c"))
    assert [len(list(frame.records())) for frame in kit.frames(tmp_path)] == [1] + [2] * 20


async def test_a_shared_blob_is_written_once(make, kit):
    log = await make()
    blob = Blob(b"x" * 3000)
    changes = [kit.Add(log.store.account(name), "v", blob) for name in "abc"]
    await log.commit(changes)
    assert len({log.store.account(name).rows[0][1] for name in "abc"}) == 1


async def test_a_raising_group_falls_alone_and_whole(make, kit, tmp_path):
    log = await make()
    a, b = log.store.account("a"), log.store.account("b")
    errors = []

    async def bad():
        with pytest.raises(KeyError) as caught:
            await log.commit([kit.Add(b, "half"), kit.Add(a, "bad", error=KeyError("bad"))])
        errors.append(caught)

    async with trio.open_nursery() as nursery:
        for n in range(10):
            nursery.start_soon(log.commit, [kit.Add(a, str(n)), kit.Add(b, str(n))])
            nursery.start_soon(bad)
    assert len(errors) == 10
    assert sorted(value for value, _ in a.rows) == sorted(value for value, _ in b.rows)
    assert len(a.rows) == 10
    records = [kit.decode(p) for f in kit.frames(tmp_path) for _, p in f.records()]
    assert "half" not in {value for _, _, value, _ in records}
    assert [number for name, number, _, _ in records if name == "a"] == list(range(1, 11))


async def test_an_observer_that_raises_is_reported(make, kit):
    log = await make()
    change = kit.Add(log.store.account("a"), "x")
    change.applied = lambda: 1 / 0
    await log.commit([change])
    assert log.disk.reports == ["log.observer_failed"]


async def test_owners_are_known_before_they_are_written(make, kit):
    log = await make()
    with pytest.raises(PluginError):
        log.register("store", log.store)
    change = kit.Add(log.store.account("a"), "x")
    change.apply = lambda frame: frame.record("nobody", b"")
    with pytest.raises(PluginError):
        await log.commit([change])


async def test_a_blob_with_a_file_is_refused(make, kit, tmp_path):
    log = await make()
    (tmp_path / "spill").write_bytes(b"x")
    with pytest.raises(ValueError, match="file of its own"):
        await log.commit([kit.Add(log.store.account("a"), "x", Blob(path=tmp_path / "spill"))])


async def test_rounds_are_bounded(make, kit, tmp_path):
    log = await make(LogSettings(round_groups=8, round_octets=4000))
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    async with trio.open_nursery() as nursery:
        for n in range(32):
            nursery.start_soon(log.commit, [kit.Add(a, str(n), Blob(os.urandom(1500)))])
    assert [len(list(f.records())) for f in kit.frames(tmp_path)] == [1] + [3] * 10 + [2]
