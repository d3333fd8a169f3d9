"""The owner is not locked out; what is bounded about that."""

from __future__ import annotations

from thurn.plugin import LoginAttempt
from thurn_testing.fakes.session import make_identity, make_session

HERE, ELSEWHERE = "198.51.100.7", "203.0.113.50"


async def test_who_has_logged_in_from_here_still_gets_in(door):
    """Others behind the same address guess; the owner's client goes on, without delays."""
    worker = await door()
    assert await worker.log_in("alice") == "in"
    assert (await worker.fail(12, "bob"))[-1] == "banned"
    assert await worker.before("alice") == 0
    assert await worker.log_in("alice") == "in"
    assert await worker.before("carol") is None


async def test_a_banned_guesser_is_not_told_who_is_known_here(door):
    worker = await door()
    await worker.log_in("alice")
    await worker.fail(10, "bob")
    assert await worker.log_in("alice", right=False) == "banned"
    assert await worker.log_in("nobody", right=False) == "banned"
    assert await worker.log_in("alice") == "in"


async def test_of_a_banned_network_too(door):
    worker = await door()
    assert await worker.log_in("alice", "2001:db8::5") == "in"
    for n in range(10, 45):
        await worker.log_in("x", f"2001:db8::{n}", right=False)
    assert await worker.before("bob", "2001:db8::6") is None
    assert await worker.log_in("alice", "2001:db8::5") == "in"


async def test_another_worker_knows_it(door):
    one, two = await door(), await door()
    await one.log_in("alice")
    await one.fail(10, "bob")
    assert await two.log_in("alice") == "in"


async def test_spellings(door):
    worker = await door()
    await worker.log_in("Alice")
    await worker.fail(10, "bob")
    assert await worker.log_in("aLICE") == "in"


async def test_another_address_is_not_known(door):
    worker = await door()
    await worker.log_in("alice", ELSEWHERE)
    await worker.fail(10, "alice", HERE)
    assert await worker.before("alice", HERE) is None
    assert await worker.log_in("alice", ELSEWHERE) == "in"


async def test_an_old_password_in_one_device_bans_only_itself(door, clock):
    """The telephone at home still has the old one: the address stays open for everybody else."""
    worker = await door()
    await worker.log_in("alice")
    results = await worker.fail(20, "alice")
    assert results == ["failed"] * 9 + ["banned"] * 11
    assert await worker.log_in("bob") == "in"
    assert await worker.before("carol") == 0
    # A guesser behind the same address has ten tries in ten minutes, no more.
    clock.advance(599)
    assert await worker.before("alice") is None
    clock.advance(1)
    assert await worker.before("alice") == 0


async def test_an_old_password_by_three_mechanisms_all_day_bans_nobody(door, clock):
    worker = await door()
    await worker.log_in("alice")
    for _ in range(96):
        for _ in range(3):
            assert await worker.log_in("alice", right=False, guess=b"old") == "failed"
        assert await worker.before("alice") == 0
        clock.advance(900)


async def test_such_bans_do_not_grow(door, clock):
    worker = await door()
    await worker.log_in("alice")
    for _ in range(5):
        assert (await worker.fail(11, "alice"))[-1] == "banned"
        clock.advance(600)
        assert await worker.before("alice") == 0


async def test_a_success_clears_the_accounts_failures(door):
    worker = await door()
    for _ in range(5):
        assert await worker.log_in("alice") == "in"
        assert await worker.fail(9, "alice") == (["failed"] * 9)


async def test_delays_of_a_known_account_are_its_own(door):
    worker = await door()
    await worker.log_in("alice")
    await worker.fail(5, "bob")
    assert await worker.before("alice") == 0
    await worker.fail(4, "alice")
    assert await worker.before("alice") == 4
    assert await worker.before("bob") == 8
    assert await worker.log_in("alice") == "in"
    assert await worker.before("alice") == 0


async def test_it_is_forgotten(door, clock):
    worker = await door(known="1d")
    await worker.log_in("alice")
    clock.advance(86_399)
    await worker.fail(10, "bob")
    assert await worker.before("alice") == 0
    clock.advance(1)
    assert await worker.before("alice") is None


async def test_a_client_that_polls_is_not_forgotten(door, clock):
    worker = await door(known="1d")
    for _ in range(30):
        await worker.log_in("alice")
        clock.advance(4_000)
    await worker.fail(10, "bob")
    assert await worker.before("alice") == 0


async def test_a_login_that_another_policy_forbids_makes_nobody_known(door):
    worker = await door()
    attempt = LoginAttempt(make_session(peer=HERE), "alice", "PLAIN")
    assert await worker.policy.after_login(attempt, make_identity("alice")) is None
    await worker.fail(10, "bob")
    assert await worker.before("alice") is None
    assert await worker.policy.history.of_name("alice") == []


async def test_a_name_alone_is_no_proof(door):
    """Nobody is known for having tried."""
    worker = await door()
    await worker.fail(10, "alice")
    assert await worker.before("alice") is None
    assert await worker.before("") is None


async def test_an_owner_whose_address_changes_every_day(door):
    """RFC 8981: what stays the same is the /64."""
    worker = await door()
    assert await worker.log_in("alice", "2001:db8::5") == "in"
    for n in range(100, 130):
        await worker.log_in("x", f"2001:db8::{n}", right=False)
    assert await worker.log_in("bob", "2001:db8::9") == "banned"
    assert await worker.log_in("alice", "2001:db8::9") == "in"
    # who guesses there has no more tries at her account for having many addresses
    results = [
        await worker.log_in("alice", f"2001:db8::{n:x}", right=False) for n in range(200, 215)
    ]
    assert results == ["banned"] * 15  # as the /64 is: which account is known there is not told
    assert await worker.log_in("alice", "2001:db8::9") == "banned"
    assert await worker.log_in("alice", "2001:db8:0:1::9") == "in"
