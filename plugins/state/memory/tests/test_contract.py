"""The conformance kit; contexts of one directory share their rows, as workers of a site do."""

from __future__ import annotations

from collections import defaultdict
from contextlib import asynccontextmanager

import pytest
from thurn.plugin import NoSettings
from thurn_state_memory.factory import memory
from thurn_state_memory.state import MemoryState, Rows
from thurn_testing.contracts.state import check_state
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext


async def test_contract(tmp_path):
    sites = defaultdict(Rows)

    @asynccontextmanager
    async def open_state(context):
        yield MemoryState(sites[context.data], context.clock)

    await check_state(open_state, tmp_path, durable=False)


async def test_two_instances_share_nothing(tmp_path):
    context = FakeContext(tmp_path)
    async with memory.open(NoSettings(), context) as one, memory.open(NoSettings(), context) as two:
        await one.table("t").put("k", b"1")
        assert await two.table("t").get("k") is None


async def test_expired_rows_are_swept(tmp_path):
    rows, clock = Rows(), ManualClock()
    state = MemoryState(rows, clock)
    for number in range(900):
        await state.table("t").put(f"old{number}", b"", lifetime_seconds=1)
    clock.advance(1)
    for number in range(100):
        await state.table("t").put(f"new{number}", b"")
    assert len(rows.tables["t"]) == 100


async def test_counters_have_a_bound():
    table = MemoryState(Rows(), ManualClock()).table("t")
    await table.increment("n", 10**17)
    with pytest.raises(ValueError, match="too large"):
        await table.increment("n", 10**18)
    assert await table.get("n") == b"%d" % 10**17
