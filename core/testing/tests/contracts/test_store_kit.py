"""The store kit itself: which stores pass, and how a store fails that does not answer."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
from thurn_store_memory.factory import MemorySettings, memory
from thurn_testing.contracts.expectation import CHECK_SECONDS
from thurn_testing.contracts.plainlog import PlainLog
from thurn_testing.contracts.store import check_store
from thurn_testing.fakes.context import FakeContext, Given


class Passing:
    """Passes everything on to what it stands for."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)


class OwnDeposit(Passing):
    """A deposit that goes through no log of the host, and wants to be placed before its commit."""

    changes = ()
    placed = False

    def __init__(self, inner, log):
        super().__init__(inner)
        self._log = log

    async def place(self):
        self.placed = True

    async def commit(self):
        assert self.placed, "the host places before it commits"
        await self._log.commit(self._inner.changes)


class OwnAccount(Passing):
    def __init__(self, inner, log):
        super().__init__(inner)
        self._log = log

    def prepare(self, append):
        return OwnDeposit(self._inner.prepare(append), self._log)

    def remember(self, key, *, lifetime_seconds):
        deposit = self._inner.remember(key, lifetime_seconds=lifetime_seconds)
        return OwnDeposit(deposit, self._log)


class OwnStore(Passing):
    def __init__(self, inner, log):
        super().__init__(inner)
        self._log = log

    async def open(self, account, identity):
        return OwnAccount(await self._inner.open(account, identity), self._log)


@asynccontextmanager
async def own(context):
    """An engine with a durability of its own: what it stores is in no log of the host."""
    log = PlainLog()
    given = Given(state=context.state, commit_log=log)
    inner = FakeContext(context.data, name=context.name, clock=context.clock, given=given)
    async with memory.open(MemorySettings(), inner) as store:
        yield OwnStore(store, log)
    assert not context.commit_log.records


@pytest.mark.parametrize("level", ["basic", "concurrent"])
async def test_an_engine_with_a_durability_of_its_own_passes(level, tmp_path):
    await check_store(own, level=level, directory=tmp_path, durable=False)


class Silent(Passing):
    """A mailbox, account or store that never answers one call."""

    def __init__(self, inner, call):
        super().__init__(inner)
        self._call = call

    def __getattr__(self, name):
        inner = getattr(self._inner, name)

        async def call(*arguments, **named):
            if name == self._call:
                await trio.sleep_forever()
            answer = await inner(*arguments, **named)
            return Silent(answer, self._call) if name in ("open", "mailbox") else answer

        return call if name in ("open", "mailbox", self._call) else inner


@pytest.mark.parametrize("call", ["view", "append_all", "flag"])
async def test_a_store_that_hangs_breaks_the_promise_of_the_check(call, tmp_path, autojump_clock):
    @asynccontextmanager
    async def silent(context):
        async with memory.open(MemorySettings(), context) as store, trio.open_nursery():
            yield Silent(store, call)

    begun = trio.current_time()
    with pytest.raises(AssertionError, match=r"take a MODSEQ.*took longer") as error:
        await check_store(silent, directory=tmp_path, durable=False, only="check_flags")
    assert error.value.__notes__ == ["in the store kit's check_flags"]
    assert trio.current_time() - begun == CHECK_SECONDS
