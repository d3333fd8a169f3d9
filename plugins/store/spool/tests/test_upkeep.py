"""What waits for the upkeep waits for its work on one account, not on all of them."""

from __future__ import annotations

import apsw
import trio
from thurn_store_spool.upkeep import upkeep as upkeep_module
from thurn_store_spool.upkeep.upkeep import Upkeep
from thurn_testing.fakes.context import FakeContext

ACCOUNTS = 5


class Index:
    def __init__(self, directory):
        self.directory = directory


async def test_a_connection_is_closed_between_two_accounts(tmp_path, monkeypatch):
    context = FakeContext(tmp_path)
    upkeep = Upkeep(context.clock, context.diagnostics, lambda _: None)
    done = []
    all_done = trio.Event()

    class Connection(apsw.Connection):
        def close(self, force=False):
            done.append("closed")
            super().close(force)

    waiting = Connection(":memory:")

    def remove_garbage(directory):
        if not done:
            trio.from_thread.run_sync(upkeep.close_later, waiting)
        done.append("tended")
        if done.count("tended") == ACCOUNTS:
            trio.from_thread.run_sync(all_done.set)
        return 0

    monkeypatch.setattr(upkeep_module, "GATHER_SECONDS", 0.0)
    monkeypatch.setattr(upkeep_module, "remove_garbage", remove_garbage)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(upkeep.run)
        for number in range(ACCOUNTS):
            upkeep.sweep(Index(tmp_path / str(number)))
        with trio.fail_after(100):
            await all_done.wait()
        nursery.cancel_scope.cancel()
    assert done == ["tended", "closed"] + ["tended"] * (ACCOUNTS - 1)
