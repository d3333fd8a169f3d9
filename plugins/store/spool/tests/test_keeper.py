"""What waits for the keeper waits for one account's tending, not for that of all."""

from __future__ import annotations

import apsw
import trio
from thurn_store_spool import keeper as keeper_module
from thurn_store_spool.keeper import Keeper
from thurn_testing.fakes.context import FakeContext

ACCOUNTS = 5


class Index:
    def __init__(self, directory):
        self.directory = directory


async def test_a_connection_is_closed_between_two_accounts(tmp_path, monkeypatch):
    context = FakeContext(tmp_path)
    keeper = Keeper(context.clock, context.diagnostics)
    done = []
    all_done = trio.Event()

    class Connection(apsw.Connection):
        def close(self, force=False):
            done.append("closed")
            super().close(force)

    waiting = Connection(":memory:")

    def remove_garbage(directory):
        if not done:
            trio.from_thread.run_sync(keeper.close_later, waiting)
        done.append("tended")
        if done.count("tended") == ACCOUNTS:
            trio.from_thread.run_sync(all_done.set)
        return 0

    monkeypatch.setattr(keeper_module, "GATHER_SECONDS", 0.0)
    monkeypatch.setattr(keeper_module, "remove_garbage", remove_garbage)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.run)
        for number in range(ACCOUNTS):
            keeper.sweep(Index(tmp_path / str(number)))
        with trio.fail_after(10):
            await all_done.wait()
        nursery.cancel_scope.cancel()
    assert done == ["tended", "closed"] + ["tended"] * (ACCOUNTS - 1)
