"""After a failed sync nothing is taken for durable until it was written anew."""

from __future__ import annotations

import pytest
import trio
from thurn.log import LogSettings, Settler, recover
from thurn.log.trust import is_distrusted
from thurn.types.errors import StorageTrouble


class Renewing:
    """The owner of a test, which can also renew what it has."""

    def __init__(self, store):
        self.store = store
        self.renewed = []
        self.error = None

    def renew(self, records):
        if self.error is not None:
            raise self.error
        self.renewed += records

    def replay(self, records):
        return self.store.replay(records)

    def settle(self, records):
        return self.store.settle(records)


@pytest.fixture
def again(kit, tmp_path):
    """Recovers and settles as the next process does."""
    owner = Renewing(kit.Store())

    async def settle(log):
        owner.store.read = log.read
        settler = Settler(tmp_path, {"store": owner}, clock=kit.Clock(), files=log.disk)
        return await settler.run(once=True)

    def recovered():
        return recover(tmp_path, {"store": owner}, clock=kit.Clock())

    settle.owner, settle.recover = owner, recovered
    return settle


def sealed(directory):
    return list(directory.glob("0/*.sealed"))


async def failed_frame(make, kit, directory):
    """A log with a frame that could not be synced, after a segment was sealed."""
    log = await make()
    for number in range(8):
        await log.commit([kit.Add(log.store.account("a"), f"{number}" * 2_000)])
    while not sealed(directory):  # as soon as a thread has made the next segment
        await log.commit([kit.Add(log.store.account("a"), "more" * 500)])
    log.disk.errors["sync"] = kit.broken()
    with pytest.raises(StorageTrouble):
        await log.commit([kit.Add(log.store.account("a"), "lost")])
    log.disk.errors.clear()
    return log


async def test_after_a_failed_sync_of_a_frame_nothing_is_retired(make, kit, tmp_path, again):
    log = await failed_frame(make, kit, tmp_path)
    assert is_distrusted(tmp_path)
    waiting = len(sealed(tmp_path))
    assert await again(log) == 0
    await make.close()
    assert await again(log) == 0
    done = again.recover()
    assert len(again.owner.renewed) == done.records >= 8
    assert not is_distrusted(tmp_path)
    assert await again(log) >= waiting
    values = [value[:1] for value, _ in again.owner.store.account("a").rows]
    assert values[:8] == [str(number) for number in range(8)]


async def test_all_workers_are_replaced(make, kit):
    settings = LogSettings(segment_octets=16_384, seal_after_seconds=0.02)
    log, other = await make(settings), await make(settings)
    await other.commit([kit.Add(other.store.account("b"), "x")])
    log.distrust("an index could not be synced")
    with trio.fail_after(60):
        await other.failed.wait()
    with pytest.raises(StorageTrouble):
        await other.commit([kit.Add(other.store.account("b"), "y")])


async def test_nothing_is_renewed_beside_a_process_that_serves(make, kit, tmp_path, again):
    other = await make()
    await other.commit([kit.Add(other.store.account("b"), "x")])
    other.distrust("an index could not be synced")
    with pytest.raises(StorageTrouble, match="have not ended"):
        again.recover()
    assert is_distrusted(tmp_path)
    await make.close()
    again.recover()
    assert not is_distrusted(tmp_path)


async def test_a_disk_that_refuses_again_keeps_the_mark(make, kit, tmp_path, again):
    await failed_frame(make, kit, tmp_path)
    await make.close()
    again.owner.error = StorageTrouble("input/output error")
    with pytest.raises(StorageTrouble):
        again.recover()
    assert is_distrusted(tmp_path)


@pytest.mark.parametrize(
    ("error", "distrusted"),
    [
        (StorageTrouble("input/output error"), True),
        (StorageTrouble("malformed", account="a"), False),
        (RuntimeError("a mistake"), False),
    ],
)
async def test_only_an_index_that_the_disk_refuses_distrusts_the_log(
    make, kit, tmp_path, error, distrusted
):
    log = await make()
    account = log.store.account("a")
    account.fail_commit = error
    with pytest.raises(StorageTrouble):
        await log.commit([kit.Add(account, "x")])
    assert is_distrusted(tmp_path) is distrusted


async def test_a_recovery_without_a_failed_sync_renews_nothing(make, kit, again):
    log = await make()
    await log.commit([kit.Add(log.store.account("a"), "x")])
    log.failed.set()
    await make.close()
    again.recover()
    assert again.owner.renewed == []
