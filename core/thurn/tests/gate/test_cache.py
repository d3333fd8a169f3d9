"""Verified credentials are remembered for a while, and nothing else is."""

from __future__ import annotations

import pytest
import trio
from thurn.contracts.account import AccountRecord
from thurn.contracts.gate import Granted, Refused
from thurn.contracts.login import Forbid
from thurn.gate import cache
from thurn.types.errors import TemporaryFailure
from thurn.types.identity import AccountId


async def test_a_verdict_is_remembered_for_a_minute(world, autojump_clock):
    one = world()
    for _ in range(3):
        assert isinstance(await one.log_in(), Granted)
    assert len(one.accounts.claims) == 1
    await trio.sleep(cache.AGE_SECONDS + 1)
    one.accounts.passwords["alice"] = "changed"
    assert not isinstance(await one.log_in(), Granted)
    assert len(one.accounts.claims) == 2


async def test_neither_a_refusal_nor_another_claim_is(world, autojump_clock):
    one = world()
    for password in ("wrong", "wrong", "right"):
        await one.log_in(password=password)
    assert len(one.accounts.claims) == 3
    await one.log_in(protocol="imap")  # permissions may differ by service
    assert len(one.accounts.claims) == 4
    await one.log_in("bob")
    assert len(one.accounts.claims) == 5


async def test_policies_are_asked_for_remembered_ones_too(world, autojump_clock):
    policy = world.Policy()
    one = world(policy)
    await one.log_in()
    await one.log_in()
    assert [kind for kind, *_ in policy.asked] == ["before", "after"] * 2


async def test_a_right_password_that_is_refused_takes_as_long_again(world, autojump_clock):
    """Else the time would tell that it was right."""
    for facts, policy in (
        ({"services": frozenset({"imap"})}, world.Policy()),
        ({}, world.Policy(after=Forbid("net"))),
        ({}, world.Policy(record=TemporaryFailure("full"))),
    ):
        one = world(policy)
        one.accounts.records["alice"] = AccountRecord(AccountId("alice"), None, **facts)
        for _ in range(3):
            started = trio.current_time()
            assert isinstance(await one.log_in(), Refused)
            assert trio.current_time() - started == pytest.approx(one.accounts.seconds)
        assert len(one.accounts.claims) == 3


async def test_the_number_is_bounded_and_nothing_can_be_read_back(
    world, autojump_clock, monkeypatch
):
    monkeypatch.setattr(cache, "ENTRIES", 1)
    one = world()
    for name in ("alice", "bob", "alice"):
        await one.log_in(name)
    assert len(one.accounts.claims) == 3
    entries = one.cache._entries
    assert len(entries) == 1
    assert "right" not in repr(entries)
