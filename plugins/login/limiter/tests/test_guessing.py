"""Guessing is slow, then banned, for the address over all protocols and workers."""

from __future__ import annotations

import pytest
from thurn.plugin import LoginAttempt, TemporaryFailure
from thurn_state_memory.table import MemoryTable
from thurn_testing.fakes.session import make_session

HERE = "198.51.100.7"


async def test_a_login_costs_nothing(door):
    worker = await door()
    assert await worker.before() == 0
    assert await worker.after(right=True) == 0


async def test_delays_grow(door):
    worker = await door()
    delays = []
    for _ in range(9):
        delays.append(await worker.before())
        await worker.after()
    assert delays == [0, 0, 0, 2, 4, 8, 15, 15, 15]


async def test_no_free_failures(door):
    worker = await door(free=0, delay="1s")
    await worker.after()
    assert await worker.before() == 1
    await worker.after()
    assert await worker.before() == 2


async def test_a_ban_is_for_all_names_and_protocols(door):
    worker = await door()
    assert await worker.fail(9) == ["failed"] * 9
    assert await worker.fail(2) == ["banned"] * 2
    for protocol in ("smtp", "imap", "pop3", "managesieve"):
        assert await worker.before("bob", protocol=protocol) is None
    assert await worker.before("alice", "203.0.113.50") == 0
    assert worker.context.diagnostics.events == ["login.banned"]


async def test_names_do_not_matter(door):
    """One try at each of many accounts bans as well."""
    worker = await door()
    results = [await worker.log_in(f"user{n}", right=False) for n in range(12)]
    assert results == ["failed"] * 9 + ["banned"] * 3


async def test_a_distributed_guesser_bans_nobody_else(door):
    """Many addresses guess at one account; its owner can still log in from anywhere."""
    worker = await door()
    for n in range(1, 40):
        await worker.fail(10, "alice", f"192.0.2.{n}")
    assert await worker.log_in("alice") == "in"
    assert await worker.before("alice", "203.0.113.50") == 0


async def test_a_success_does_not_clear_the_address(door):
    """A guesser may have an own account."""
    worker = await door()
    results = []
    for _ in range(11):
        results.append(await worker.log_in("alice", right=False))
        await worker.log_in("mallory")
    assert results[-1] == "banned"
    assert await worker.log_in("mallory") == "in"


async def test_failures_are_forgotten(door, clock):
    worker = await door()
    await worker.fail(9)
    clock.advance(3_600)
    assert await worker.before() == 0
    assert await worker.fail(9) == ["failed"] * 9


async def test_bans_end_and_grow(door, clock):
    worker = await door()
    lengths = []
    for _ in range(10):
        await worker.fail(10)
        seconds = 0
        while await worker.before("bob") is None:
            clock.advance(600)
            seconds += 600
        lengths.append(seconds)
    assert lengths == [600, 1200, 2400, 4800, 9600, 19_200, 38_400, 76_800, 86_400, 86_400]
    clock.advance(7 * 86_400)
    await worker.fail(10)
    clock.advance(600)
    assert await worker.before("bob") == 0


async def test_a_ban_forgets_what_led_to_it(door, clock):
    worker = await door(window="1d")
    await worker.fail(10)
    clock.advance(600)
    assert await worker.before("bob") == 0
    assert await worker.fail(9) == ["failed"] * 9


async def test_tries_under_way_learn_nothing(door, clock):
    """Of fifty connections that ask at once, the one with the right password is refused too."""
    worker = await door()
    assert [await worker.before() for _ in range(50)] == [0] * 50
    answers = [await worker.after(right=n == 30) for n in range(50)]
    assert answers[:9] == [0] * 9
    assert answers[9:] == [None] * 41
    assert await worker.before() is None
    clock.advance(600)  # and the tries after the ban were not counted
    assert await worker.fail(9) == ["failed"] * 9


async def test_two_workers_count_together(door):
    one, two = await door(), await door()
    for _ in range(5):
        await one.after()
        await two.after()
    assert await one.before() is None
    assert await two.before() is None
    assert one.context.diagnostics.events + two.context.diagnostics.events == ["login.banned"]


# --- the same guess again


async def test_a_repeated_guess_counts_once(door, clock):
    one, two = await door(), await door()
    for worker in [one, two] * 10:
        assert await worker.log_in(right=False, guess=b"1") == "failed"
    assert await one.before() == 0
    # Other passwords, other accounts and other addresses count.
    for guess in (b"2", b"3"):
        await one.log_in(right=False, guess=guess)
    assert await one.before() == 2
    await one.log_in("bob", right=False, guess=b"1")
    assert await one.before() == 4
    await one.log_in(peer="203.0.113.50", right=False, guess=b"1")
    assert await one.before() == 4


async def test_a_repeated_guess_is_delayed_and_banned_as_others_are(door):
    worker = await door()
    for n in range(5):
        await worker.log_in(right=False, guess=b"%d" % n)
    assert await worker.before() == 8
    assert await worker.after(guess=b"4") == 0
    assert await worker.before() == 8
    await worker.fail(5)
    assert await worker.log_in(right=False, guess=b"4") == "banned"


async def test_after_the_window_it_counts_again(door, clock):
    worker = await door(free=0, delay="1s")
    for _ in range(3):
        await worker.after(guess=b"1")
        assert await worker.before() == 1
        clock.advance(3_600)
        assert await worker.before() == 0


async def test_a_guess_that_is_not_shown_counts_each_time(door):
    worker = await door()
    assert (await worker.fail(10))[-1] == "banned"


# --- IPv6


async def test_addresses_of_one_network_are_counted_together(door):
    worker = await door()
    results = [
        await worker.log_in(f"user{n}", f"2001:db8:1:2::{n:x}", right=False) for n in range(1, 32)
    ]
    assert results == ["failed"] * 29 + ["banned"] * 2
    assert await worker.before("bob", "2001:db8:1:2:ffff::1") is None
    assert await worker.before("bob", "2001:db8:1:3::1") == 0


async def test_one_address_does_not_ban_its_neighbours(door):
    worker = await door()
    await worker.fail(10, "alice", "2001:db8:1:2::1")
    assert await worker.before("bob", "2001:db8:1:2::1") is None
    assert await worker.log_in("bob", "2001:db8:1:2::2") == "in"


async def test_mapped_addresses_are_ipv4(door):
    worker = await door()
    await worker.fail(10, "alice", "::ffff:198.51.100.7")
    assert await worker.before("bob", "198.51.100.7") is None


# --- who is not counted


@pytest.mark.parametrize("peer", [None, "192.0.2.9", "2001:db8:5::9", "::ffff:192.0.2.9"])
async def test_trusted(door, peer):
    worker = await door(trusted=["192.0.2.0/28", "2001:db8:5::/48"])
    assert await worker.fail(50, "alice", peer) == ["failed"] * 50
    assert await worker.before("alice", peer) == 0


async def test_a_trusted_network_has_no_host_bits(door):
    with pytest.raises(ValueError, match="trusted"):
        await door(trusted=["192.0.2.9/28"])


def failing(worker, session):
    """`await fail(mechanism, password)` fails in one session, and returns whether it counted."""

    async def fail(mechanism, password=None, name="alice"):
        before = (await worker.policy.ledger.standing([HERE])).failures
        guess = None if password is None else password.encode()
        attempt = LoginAttempt(session, name, mechanism, guess)
        await worker.policy.after_login(attempt, None)
        return (await worker.policy.ledger.standing([HERE])).failures > before

    return fail


async def test_one_password_by_several_mechanisms_is_one_failure(door):
    """A client goes on from SCRAM, which does not show the password, to PLAIN."""
    worker = await door(failures=100)
    fail = failing(worker, make_session(peer=HERE, protocol="imap"))
    assert await fail("SCRAM-SHA-256")
    assert not await fail("SCRAM-SHA-1")
    assert not await fail("PLAIN", "old")
    assert await fail("SCRAM-SHA-256")  # the mechanism repeats, so it may be another password
    assert not await fail("PLAIN", "new")
    assert await fail("PLAIN", "third")
    assert await fail("LOGIN", "fourth")  # both passwords are shown, and they differ
    assert not await fail("SCRAM-SHA-256")
    assert await fail("SCRAM-SHA-256", name="bob")
    fail = failing(worker, make_session(peer=HERE, protocol="imap"))
    assert await fail("SCRAM-SHA-256")
    assert not await fail("PLAIN", "old")


class Full:
    """A table that can be read but not written."""

    def __init__(self, table):
        self._table = table

    def __getattr__(self, name):
        if name in ("get", "entries"):
            return getattr(self._table, name)

        async def fails(*_, **__):
            raise TemporaryFailure("disk full")

        return fails


async def test_on_a_full_disk_right_logins_succeed_and_wrong_ones_are_temporary(door):
    worker = await door()
    ledger, history = worker.policy.ledger, worker.policy.history
    await worker.fail(1)
    for holder in (ledger, history):
        for name, table in [*vars(holder).items()]:
            if isinstance(table, MemoryTable):
                setattr(holder, name, Full(table))
    assert await worker.log_in() == "in"
    assert set(worker.context.diagnostics.events) == {"login.not_noted"}
    with pytest.raises(TemporaryFailure):  # the answer is 454, not "wrong password"
        await worker.after()
