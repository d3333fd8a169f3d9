"""What a table promises about time: lifetimes by the monotonic clock, over restarts and reboots."""

from __future__ import annotations

from typing import Final

from thurn.contracts.state import Table

from thurn_testing.contracts.expectation import expect, expect_equal
from thurn_testing.contracts.state_table import StateBench, StateCheck

SLACK_SECONDS: Final = 0.001
"""Tolerance in seconds for rounding of floating-point numbers; an implementation has none."""


async def _remaining(table: Table, key: str) -> float | None:
    entries = await table.entries(key, limit=1)
    expect_equal([e.key for e in entries], [key], "a living row is listed")
    return entries[0].remaining_seconds


def _expect_near(found: float | None, expected: float, promise: str) -> None:
    near = found is not None and abs(found - expected) <= SLACK_SECONDS
    expect(near, f"{promise}: found {found!r}, expected {expected!r}")


async def expired_rows_are_absent(site: StateBench) -> None:
    """At the end of its lifetime a row is absent for every call."""
    async with site.worker() as state:
        table = state.table("t")
        for key in ("get", "take", "delete", "add", "increment"):
            await table.put(key, b"1", lifetime_seconds=60)
        await table.put("for ever", b"")
        site.clock.advance(59.5)
        expect_equal(await table.get("get"), b"1", "a row lives until its lifetime has passed")
        _expect_near(await _remaining(table, "get"), 0.5, "the rest of a lifetime is reported")
        site.clock.advance(0.5)
        expect_equal(await table.get("get"), None, "get of an expired row is None")
        listed = [e.key for e in await table.entries()]
        expect_equal(listed, ["for ever"], "expired rows are not listed")
        expect_equal(await table.take("take"), None, "take of an expired row is None")
        expect_equal(await table.delete("delete"), False, "delete of an expired row is False")
        expect_equal(await table.add("add", b"2"), True, "add replaces an expired row")
        expect_equal(await table.get("add"), b"2", "and its value counts")
        expect_equal(await _remaining(table, "add"), None, "without the old lifetime")
        expect_equal(await table.increment("increment"), 1, "an expired counter starts at 0")
        expect_equal(await _remaining(table, "increment"), None, "without the old lifetime")


async def put_sets_the_lifetime_anew(site: StateBench) -> None:
    """Put replaces value and lifetime, also a lifetime by an endless one."""
    async with site.worker() as state:
        table = state.table("t")
        await table.put("k", b"", lifetime_seconds=10)
        site.clock.advance(5)
        await table.put("k", b"", lifetime_seconds=10)
        site.clock.advance(9)
        _expect_near(await _remaining(table, "k"), 1, "put starts the lifetime anew")
        await table.put("k", b"")
        site.clock.advance(1_000_000)
        expect_equal(await _remaining(table, "k"), None, "put without a lifetime is for ever")
        await table.put("k", b"", lifetime_seconds=0)
        expect_equal(await table.get("k"), None, "a lifetime of 0 is over at once")


async def counters_keep_their_first_lifetime(site: StateBench) -> None:
    """A counter's window begins at its first increment and is not moved by the others."""
    async with site.worker() as state:
        table = state.table("t")
        await table.increment("n", lifetime_seconds=60)
        site.clock.advance(50)
        expect_equal(await table.increment("n", lifetime_seconds=60), 2, "the window is open")
        _expect_near(await _remaining(table, "n"), 10, "increments do not move the window")
        site.clock.advance(10)
        expect_equal(await table.increment("n", lifetime_seconds=60), 1, "the window is over")
        _expect_near(await _remaining(table, "n"), 60, "and a new one has begun")


async def add_keeps_the_lifetime(site: StateBench) -> None:
    """An add that fails changes nothing."""
    async with site.worker() as state:
        table = state.table("t")
        await table.add("k", b"1", lifetime_seconds=60)
        site.clock.advance(30)
        await table.add("k", b"2", lifetime_seconds=60)
        _expect_near(await _remaining(table, "k"), 30, "a failed add does not renew")


async def the_wall_clock_does_not_matter(site: StateBench) -> None:
    """To set the wall clock neither ends rows nor keeps them alive."""
    async with site.worker() as state:
        table = state.table("t")
        await table.put("k", b"1", lifetime_seconds=60)
        for years in (-10, 10):
            site.clock.set_wall(site.clock.wall() + years * 31_536_000)
            expect_equal(await table.get("k"), b"1", "lifetimes are monotonic")
        site.clock.set_wall(0)
        site.clock.advance(60)
        expect_equal(await table.get("k"), None, "lifetimes are monotonic")


async def rows_survive_a_restart(site: StateBench) -> None:
    """After a restart rows are there, with the rest of their lifetimes."""
    async with site.worker() as state:
        await state.table("t").put("k", b"1", lifetime_seconds=60)
        await state.table("t").put("for ever", b"2")
        await state.table("t").put("short", b"3", lifetime_seconds=10)
    site.clock.advance(20)
    site.clock.set_wall(0)
    async with site.worker() as state:
        table = state.table("t")
        expect_equal(await table.get("k"), b"1", "rows survive a restart")
        _expect_near(await _remaining(table, "k"), 40, "their lifetimes go on meanwhile")
        expect_equal(await table.get("for ever"), b"2", "rows survive a restart")
        expect_equal(await table.get("short"), None, "lifetimes end meanwhile")


async def rows_survive_a_reboot(site: StateBench) -> None:
    """After a reboot the rest of a lifetime goes on."""
    async with site.worker() as state:
        await state.table("t").put("k", b"1", lifetime_seconds=600)
        await state.table("t").put("for ever", b"2")
        await state.table("t").put("short", b"3", lifetime_seconds=50)
        site.clock.advance(100)
    site.clock.reboot(down_seconds=60)
    async with site.worker() as state:
        table = state.table("t")
        _expect_near(await _remaining(table, "k"), 440, "the time off counts")
        expect_equal(await table.get("for ever"), b"2", "rows survive a reboot")
        expect_equal(await table.get("short"), None, "lifetimes end meanwhile")
        site.clock.set_wall(0)
        site.clock.advance(40)
        _expect_near(await _remaining(table, "k"), 400, "then it is monotonic again")
    async with site.worker() as state:
        _expect_near(await _remaining(state.table("t"), "k"), 400, "also for the next worker")


async def a_wrong_clock_after_a_reboot(site: StateBench) -> None:
    """A wall clock that has lost its date never makes a lifetime longer than it was."""
    for wall in (0.0, 4e9):
        async with site.worker() as state:
            await state.table("t").put("k", b"1", lifetime_seconds=600)
        site.clock.reboot()
        site.clock.set_wall(wall)
        async with site.worker() as state:
            table = state.table("t")
            expected = b"1" if wall == 0.0 else None
            expect_equal(await table.get("k"), expected, "a lifetime after a reboot")
            site.clock.advance(600)
            expect_equal(await table.get("k"), None, "never more than the lifetime given")


LIFETIME_CHECKS: Final[tuple[StateCheck, ...]] = (
    expired_rows_are_absent,
    put_sets_the_lifetime_anew,
    counters_keep_their_first_lifetime,
    add_keeps_the_lifetime,
    the_wall_clock_does_not_matter,
)
REBOOT_CHECKS: Final[tuple[StateCheck, ...]] = (
    rows_survive_a_restart,
    rows_survive_a_reboot,
    a_wrong_clock_after_a_reboot,
)
