"""The queue kit itself: how a queue fails that does not answer."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
from thurn_testing.contracts.expectation import CHECK_SECONDS
from thurn_testing.contracts.queue import check_queue


class NoDeposit:
    changes = ()

    async def place(self):
        pass

    async def commit(self):
        pass

    async def abort(self):
        pass


class SilentQueue:
    def prepare(self, envelope, content, *, key):
        return NoDeposit()

    async def entries(self, *, limit=1000, after=None):
        await trio.sleep_forever()

    async def next_lease(self, *, skip=()):
        await trio.sleep_forever()


@asynccontextmanager
async def silent(_context):
    async with trio.open_nursery():
        yield SilentQueue()


async def test_a_queue_that_hangs_breaks_the_promise_of_the_check(tmp_path, autojump_clock):
    begun = trio.current_time()
    with pytest.raises(AssertionError, match=r"`<>` stays `<>`.*took longer") as error:
        await check_queue(silent, level="entries", directory=tmp_path, only="null_sender")
    assert error.value.__notes__ == ["in the queue kit's null_sender_is_kept"]
    assert trio.current_time() - begun == CHECK_SECONDS


async def test_a_lease_that_does_not_come_breaks_its_promise(tmp_path, autojump_clock):
    with pytest.raises(AssertionError, match="an entry that is due is leased: it took longer"):
        await check_queue(silent, level="leases", directory=tmp_path, only="leased_entry")
