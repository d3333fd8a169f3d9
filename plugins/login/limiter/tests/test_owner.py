"""The owner of an account is not locked out, and guessers behind the same address gain little."""

from __future__ import annotations

from thurn.plugin import LoginAttempt
from thurn_testing.fakes.session import make_identity, make_session

HERE, ELSEWHERE = "198.51.100.7", "203.0.113.50"


async def test_an_owner_who_is_known_here_can_log_in(door):
    """Others behind the same address guess; the owner's client is neither banned nor delayed."""
    worker = await door()
    assert await worker.log_in("alice") == "in"
    assert (await worker.fail(12, "bob"))[-1] == "banned"
    assert await worker.before("alice") == 0
    assert await worker.log_in("alice") == "in"
    assert await worker.before("carol") is None


async def test_a_banned_guesser_does_not_learn_who_is_known_here(door):
    worker = await door()
    await worker.log_in("alice")
    await worker.fail(10, "bob")
    assert await worker.log_in("alice", right=False) == "banned"
    assert await worker.log_in("nobody", right=False) == "banned"
    assert await worker.log_in("alice") == "in"


async def test_an_owner_in_a_banned_network_can_log_in(door):
    worker = await door()
    assert await worker.log_in("alice", "2001:db8::5") == "in"
    for n in range(10, 45):
        await worker.log_in("x", f"2001:db8::{n}", right=False)
    assert await worker.before("bob", "2001:db8::6") is None
    assert await worker.log_in("alice", "2001:db8::5") == "in"


async def test_another_worker_knows_the_address(door):
    one, two = await door(), await door()
    await one.log_in("alice")
    await one.fail(10, "bob")
    assert await two.log_in("alice") == "in"


async def test_names_are_compared_without_case(door):
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
    """A telephone still has the old password: others can log in from the same address."""
    worker = await door()
    await worker.log_in("alice")
    results = await worker.fail(20, "alice")
    assert results == ["failed"] * 9 + ["banned"] * 11
    assert await worker.log_in("bob") == "in"
    assert await worker.before("carol") == 0
    # A guesser behind the same address has ten tries in ten minutes.
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


async def test_bans_of_a_known_account_do_not_grow(door, clock):
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


async def test_a_known_address_is_forgotten(door, clock):
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


async def test_a_failed_login_does_not_make_an_address_known(door):
    worker = await door()
    await worker.fail(10, "alice")
    assert await worker.before("alice") is None
    assert await worker.before("") is None


async def test_an_owner_whose_address_changes_every_day(door):
    """Only the /64 of a temporary address stays the same. RFC 8981."""
    worker = await door()
    assert await worker.log_in("alice", "2001:db8::5") == "in"
    for n in range(100, 130):
        await worker.log_in("x", f"2001:db8::{n}", right=False)
    assert await worker.log_in("bob", "2001:db8::9") == "banned"
    assert await worker.log_in("alice", "2001:db8::9") == "in"
    # A guesser there has no more tries at her account for having many addresses.
    results = [
        await worker.log_in("alice", f"2001:db8::{n:x}", right=False) for n in range(200, 215)
    ]
    assert results == ["banned"] * 15  # the answer of the banned /64 hides who is known there
    assert await worker.log_in("alice", "2001:db8::9") == "banned"
    assert await worker.log_in("alice", "2001:db8:0:1::9") == "in"
