"""Bans are listed and released, and survive a restart."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
import trio
from thurn.plugin import Forbid, LoginAttempt, NoSettings
from thurn_login_limiter.factory import limiter
from thurn_login_limiter.settings import LimiterSettings
from thurn_state_sqlite.factory import sqlite
from thurn_testing.fakes.context import FakeContext, Given
from thurn_testing.fakes.session import make_identity, make_session

HERE = "198.51.100.7"


async def test_listed(door, clock):
    worker = await door()
    await worker.log_in("alice")
    await worker.fail(10, "alice")
    await worker.fail(10, "bob")
    for n in range(40):
        await worker.log_in("x", f"2001:db8::{n}", right=False)
    clock.advance(60)
    bans = await worker.policy.ledger.bans()
    assert [(ban.subject, ban.account, ban.failures) for ban in bans] == [
        (HERE, "", 10),
        (HERE, "alice", 10),
        ("2001:db8::/64", "", 30),
    ]
    assert all(ban.since == clock.wall() - 60 for ban in bans)
    assert all(ban.remaining_seconds == pytest.approx(540) for ban in bans)


async def test_released(door, clock):
    worker = await door()
    await worker.log_in("alice")
    await worker.fail(10, "alice")
    await worker.fail(10, "bob")
    await worker.fail(10, "bob", "203.0.113.50")
    assert await worker.policy.ledger.release(HERE) == 2
    assert await worker.policy.ledger.release(HERE) == 0
    assert await worker.before("bob") == 0
    assert await worker.before("alice") == 0
    assert [ban.subject for ban in await worker.policy.ledger.bans()] == ["203.0.113.50"]
    # The next ban is as long as a first one.
    await worker.fail(10, "bob")
    clock.advance(600)
    assert await worker.before("bob") == 0


async def test_a_released_address_starts_afresh(door):
    worker = await door(free=0, delay="1s")
    await worker.after(guess=b"1")
    await worker.policy.ledger.release(HERE)
    await worker.after(guess=b"1")
    assert await worker.before() == 1


@pytest.mark.parametrize("text", ["2001:db8::1", "2001:db8::/64", "2001:DB8::1/128"])
async def test_released_with_its_network(door, text):
    worker = await door()
    for n in range(40):
        await worker.log_in("x", f"2001:db8::{n}", right=False)
    assert await worker.policy.ledger.release(text) == 1
    assert await worker.before("bob", "2001:db8::77") == 0


@pytest.mark.parametrize(
    "text", ["", "x", "198.51.100.0/24", "2001:db8::/48", "2001:db8::1/64", "1.2.3", "*"]
)
async def test_only_addresses_and_their_64_are_released(door, text):
    worker = await door()
    with pytest.raises(ValueError):
        await worker.policy.ledger.release(text)


async def test_two_workers_on_one_file(tmp_path, clock):
    async def open_one(stack):
        opened = sqlite.open(NoSettings(), FakeContext(tmp_path / "s", clock=clock))
        given = Given(state=await stack.enter_async_context(opened))
        context = FakeContext(tmp_path, name="login.main", clock=clock, given=given)
        return await stack.enter_async_context(limiter.open(LimiterSettings(), context))

    here = LoginAttempt(make_session(peer=HERE), "bob", "PLAIN")
    async with AsyncExitStack() as stack:
        one, two = await open_one(stack), await open_one(stack)
        assert one.ledger.key == two.ledger.key
        async with trio.open_nursery() as nursery:
            for policy in [one, two] * 5:
                nursery.start_soon(policy.after_login, here, None)
        assert isinstance(await one.before_login(here), Forbid)
        assert isinstance(await two.before_login(here), Forbid)
        assert await two.ledger.release(HERE) == 1
        assert await one.before_login(here) is None
        assert len(await two.history.of_name("bob")) == 10


async def test_it_survives_a_restart(tmp_path, clock):
    async def run(action):
        async with sqlite.open(NoSettings(), FakeContext(tmp_path / "s", clock=clock)) as state:
            context = FakeContext(
                tmp_path, name="login.main", clock=clock, given=Given(state=state)
            )
            async with limiter.open(LimiterSettings(), context) as policy:
                return await action(policy)

    here = LoginAttempt(make_session(peer=HERE), "bob", "PLAIN")
    owner = LoginAttempt(make_session(peer=HERE), "alice", "PLAIN")

    async def first(policy):
        await policy.record_login(owner, make_identity("alice"))
        for _ in range(10):
            await policy.after_login(here, None)

    async def second(policy):
        assert isinstance(await policy.before_login(here), Forbid)
        assert await policy.before_login(owner) is None
        assert len(await policy.history.of_name("bob")) == 10

    await run(first)
    clock.reboot(down_seconds=60)
    await run(second)
