"""The rings of the last logins."""

from __future__ import annotations

import json

import pytest

HERE = "198.51.100.7"


async def test_what_is_noted(door, clock):
    worker = await door()
    await worker.after("alice", right=True, account="a1", protocol="pop3")
    clock.advance(5)
    await worker.after("correct horse battery", protocol="smtp")
    success, failure = await worker.policy.history.of_address(HERE)
    assert (success.outcome, success.name, success.account) == ("success", "alice", "a1")
    assert (success.protocol, success.mechanism, success.address) == ("pop3", "PLAIN", HERE)
    assert failure.time - success.time == 5
    # People sometimes type their password where the name belongs.
    assert (failure.outcome, failure.name, failure.account) == ("failure", "cor…", "")
    assert await worker.policy.history.of_name("alice") == [success]
    assert await worker.policy.history.of_name("A1") == [success]
    assert await worker.policy.history.of_name("correct horse battery") == [failure]
    assert await worker.policy.history.of_name("nobody") == []


async def test_the_tables_do_not_show_the_name_of_a_failed_login(door):
    worker = await door()
    await worker.fail(12, "correct horse battery")
    rows = [(key, row.value) for table in door.rows.tables.values() for key, row in table.items()]
    assert rows
    for key, value in rows:
        assert "horse" not in key
        assert b"horse" not in value


async def test_a_name_that_is_known_here_is_not_shortened(door):
    worker = await door()
    await worker.log_in("alice")
    await worker.log_in("alice", right=False)
    entries = await worker.policy.history.of_address(HERE)
    assert [entry.name for entry in entries] == ["alice"] * 2


async def test_a_ring(door, clock):
    worker = await door(history=5)
    for n in range(12):
        clock.advance(1)
        await worker.after(f"user{n}", peer=None)
    entries = await worker.policy.history.of_address("local")
    assert [round(entries[-1].time - entry.time) for entry in entries] == [4, 3, 2, 1, 0]
    clock.advance(14 * 86_400)
    assert await worker.policy.history.of_address("local") == []


async def test_two_workers_share_a_ring(door, clock):
    one, two = await door(history=4), await door(history=4)
    for worker in (one, two, one, two, one, two):
        clock.advance(1)
        await worker.after()
    assert len(await one.policy.history.of_address(HERE)) == 4


async def test_clients_that_poll_are_noted_every_five_minutes(door, clock):
    worker = await door()
    for _ in range(10):
        await worker.log_in("alice")
        clock.advance(60)
    assert len(await worker.policy.history.of_address(HERE)) == 2
    await worker.log_in("alice", protocol="pop3")
    assert len(await worker.policy.history.of_address(HERE)) == 3


async def test_a_right_password_under_a_new_ban_is_noted(door):
    worker = await door()
    await worker.fail(10, "bob")
    await worker.after("carol", right=True)
    last = (await worker.policy.history.of_name("carol"))[-1]
    assert (last.outcome, last.account) == ("banned", "carol")


async def test_history_can_be_off(door):
    worker = await door(history=0)
    await worker.fail(3)
    assert await worker.policy.history.all() == []


async def test_hostile_names(door):
    worker = await door()
    for name in ("", "\0\r\n", "\u202egnp.ecila", "\ud800", "%n" * 32):
        await worker.after(name, peer=None)
    names = [entry.name for entry in await worker.policy.history.of_address("local")]
    assert names == ["", "???", "?gn…", "?", "%n%…"]
    json.dumps(names)


@pytest.mark.slow
async def test_an_attack_from_many_addresses_is_noted_up_to_a_bound(door, clock):
    worker = await door()
    for n in range(1_100):
        await worker.after(f"user{n}", f"10.0.{n // 250}.{n % 250}")
    assert len(await worker.policy.history.all()) == 1_000
    await worker.after("alice", "192.0.2.1", right=True)
    clock.advance(3_600)
    await worker.after("alice", "192.0.2.1")
    assert len(await worker.policy.history.of_name("alice")) == 2


async def test_rows_are_bounded(door, clock):
    """A banned guesser adds no rows without bound, and all rows end."""
    worker = await door()
    for n in range(500):
        await worker.log_in(f"user{n}", right=False)
    count = sum(len(table) for table in door.rows.tables.values())
    # a ring of its address, ten names, their places, a ban, a level, the key
    assert count < 60
    clock.advance(31 * 86_400)
    assert await worker.policy.history.all() == []
    assert await worker.policy.ledger.bans() == []
