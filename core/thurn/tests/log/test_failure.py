"""What ends the log: a disk that fails, an index that cannot commit, a task that is broken off."""

from __future__ import annotations

import errno

import pytest
import trio
from thurn.log import open_log, recover
from thurn.log.segment import segments
from thurn.types.errors import StorageTrouble


@pytest.mark.parametrize("call", ["write", "sync"])
async def test_an_io_error_ends_the_log(make, kit, call):
    log = await make()
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    log.disk.errors[call] = kit.broken()
    with pytest.raises(StorageTrouble):
        await log.commit([kit.Add(a, "x")])
    log.disk.errors.clear()
    assert log.failed.is_set()
    assert "log.failed" in log.disk.reports
    with pytest.raises(StorageTrouble):
        await log.commit([kit.Add(a, "x")])
    assert len(a.rows) == 1
    assert a.pending is None


async def test_no_space_at_a_sync_ends_the_log_too(make, kit):
    log = await make()
    a = log.store.account("a")
    await log.commit([kit.Add(a, "first")])
    log.disk.errors["sync"] = OSError(errno.ENOSPC, "delayed")
    with pytest.raises(StorageTrouble):
        await log.commit([kit.Add(a, "x")])
    assert log.failed.is_set()


async def test_a_resource_that_cannot_commit_ends_the_log_and_is_replayed(make, kit, tmp_path):
    log = await make()
    a, b = log.store.account("a"), log.store.account("b")
    a.fail_commit = RuntimeError("commit failed")
    seen = []

    async def one(account):
        try:
            await log.commit([kit.Add(account, "x")])
        except StorageTrouble:
            seen.append((account.name, "trouble"))
        else:
            seen.append((account.name, "done"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, a)
        nursery.start_soon(one, b)
    assert sorted(seen) == [("a", "trouble"), ("b", "done")]
    assert log.failed.is_set()
    await make.close()
    assert segments(tmp_path, 0, "sealed") == []
    recover(tmp_path, log.owners, clock=kit.Clock())
    assert len(a.rows) == 1


async def test_a_round_that_is_broken_off_leaves_its_segment_to_recovery(kit, tmp_path):
    class EndError(BaseException):
        pass

    def end():
        raise EndError

    store = kit.Store()
    store.account("a").commit = end

    async def worker():
        async with open_log(tmp_path, clock=kit.Clock()) as log:
            log.register("store", store)
            await log.commit([kit.Add(store.account("a"), "x")])

    with pytest.raises(BaseExceptionGroup):
        await worker()
    assert segments(tmp_path, 0, "sealed") == []
    store = kit.Store()
    assert recover(tmp_path, {"store": store}, clock=kit.Clock()).records == 1
