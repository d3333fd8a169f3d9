"""What a table promises without time: values, counters, order, atomic calls of several workers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, TypeAlias

import trio
from thurn.contracts.state import State, Table

from thurn_testing.contracts.expectation import expect, expect_equal, refused
from thurn_testing.fakes.clock import ManualClock


class StateBench(Protocol):
    """A site under test as a check sees it: a clock, and as many workers as it wants."""

    @property
    def clock(self) -> ManualClock:
        """The site's clock."""

    def worker(self) -> AbstractAsyncContextManager[State]:
        """The product of one more worker."""


StateCheck: TypeAlias = Callable[..., Awaitable[None]]

KEY_OCTETS: Final = 512
VALUE_OCTETS: Final = 65_536
TASKS: Final = 8
"""Calls of each worker in the checks of atomicity."""
ROUNDS: Final = 10


async def absent_rows(site: StateBench) -> None:
    """A row that is absent is None for every call."""
    async with site.worker() as state:
        table = state.table("t")
        expect_equal(await table.get("k"), None, "get of an absent key is None")
        expect_equal(await table.take("k"), None, "take of an absent key is None")
        expect_equal(await table.delete("k"), False, "delete of an absent key is False")
        expect_equal(list(await table.entries()), [], "an empty table has no entries")


async def values(site: StateBench) -> None:
    """Values come back as they were put; tables do not mix."""
    async with site.worker() as state:
        table, other = state.table("t"), state.table("t'; --")
        for value in (b"", b"\0", b"text", bytes(range(256)), b"\xff" * VALUE_OCTETS):
            await table.put("k", value)
            expect_equal(await table.get("k"), value, "get gives what was put")
        expect_equal(await other.get("k"), None, "tables of other names do not mix")
        await other.put("k", b"other")
        expect_equal(await state.table("t'; --").get("k"), b"other", "a table is its name")
        expect_equal(await table.delete("k"), True, "delete of a present key is True")
        expect_equal(await table.get("k"), None, "a deleted key is absent")
        expect_equal(await other.take("k"), b"other", "take gives the value")
        expect_equal(await other.take("k"), None, "take deletes")


async def add_only_if_absent(site: StateBench) -> None:
    """Of several adds of one key the first one wins."""
    async with site.worker() as state:
        table = state.table("t")
        expect_equal(await table.add("k", b"1"), True, "add of an absent key is True")
        expect_equal(await table.add("k", b"2"), False, "add of a present key is False")
        expect_equal(await table.get("k"), b"1", "add does not change what is there")


async def bounds(site: StateBench) -> None:
    """Keys and values over their bounds raise ValueError and are not stored."""
    async with site.worker() as state:
        table = state.table("t")
        await table.put("é" * (KEY_OCTETS // 2), b"")
        for key in ("", "k" * (KEY_OCTETS + 1), "é" * (KEY_OCTETS // 2) + "k", "\ud800"):
            await _all_refuse(table, key)
        with refused(ValueError, "put refuses a value over 65,536 octets"):
            await table.put("k", bytes(VALUE_OCTETS + 1))
        with refused(ValueError, "add refuses a value over 65,536 octets"):
            await table.add("k", bytes(VALUE_OCTETS + 1))
        for lifetime in (-1.0, float("nan")):
            with refused(ValueError, f"a lifetime of {lifetime} is refused"):
                await table.put("k", b"", lifetime_seconds=lifetime)
        expect_equal(len(await table.entries()), 1, "what is refused is not stored")


async def _all_refuse(table: Table, key: str) -> None:
    shown = f"the key {key[:8]!r} of {len(key)} characters"
    with refused(ValueError, f"get refuses {shown}"):
        await table.get(key)
    with refused(ValueError, f"put refuses {shown}"):
        await table.put(key, b"")
    with refused(ValueError, f"add refuses {shown}"):
        await table.add(key, b"")
    with refused(ValueError, f"increment refuses {shown}"):
        await table.increment(key)
    with refused(ValueError, f"take refuses {shown}"):
        await table.take(key)
    with refused(ValueError, f"delete refuses {shown}"):
        await table.delete(key)


async def counters(site: StateBench) -> None:
    """Counters count; get shows them as decimal text."""
    async with site.worker() as state:
        table = state.table("t")
        expect_equal(await table.increment("n"), 1, "an absent counter is 0")
        expect_equal(await table.increment("n", 41), 42, "increment gives the sum")
        expect_equal(await table.increment("n", -50), -8, "a counter may go below 0")
        expect_equal(await table.get("n"), b"-8", "a counter reads as decimal text")
        await table.put("n", b"7")
        expect_equal(await table.increment("n"), 8, "decimal text counts on")
        for value in (b"", b"x", b"1 ", b"0x1", b"9" * 30):
            await table.put("n", value)
            with refused(ValueError, f"increment refuses a value that is no counter, {value!r}"):
                await table.increment("n")
            expect_equal(await table.get("n"), value, "and leaves it as it was")


async def key_order(site: StateBench) -> None:
    """Entries come in the order of the keys' code points, by prefix, in pages."""
    async with site.worker() as state:
        table = state.table("t")
        keys = ["a", "a%", "a_", "a\0", "a\0b", "ab", "aé", "a\U0010ffff", "a\U0010ffffz", "B", "b"]
        for key in keys:
            await table.put(key, key.encode())
        await state.table("u").put("a", b"elsewhere")
        entries = await table.entries()
        expect_equal([e.key for e in entries], sorted(keys), "entries come in key order")
        expect(all(e.value == e.key.encode() for e in entries), "entries have their values")
        for prefix in ("a", "a%", "a_", "a\0", "a\U0010ffff", "é", "ab"):
            expected = sorted(key for key in keys if key.startswith(prefix))
            entries = await table.entries(prefix)
            expect_equal([e.key for e in entries], expected, f"entries of prefix {prefix!r}")
        paged: list[str] = []
        while page := await table.entries("a", after=paged[-1] if paged else "", limit=2):
            expect(len(page) <= 2, "a page is at most `limit` long")
            paged += [e.key for e in page]
        expected = sorted(key for key in keys if key.startswith("a"))
        expect_equal(paged, expected, "pages by `after` give every entry once")
        entries = await table.entries("a", after="B")
        expect_equal(
            [e.key for e in entries], expected, "`after` before the prefix leaves none out"
        )
        expect_equal(list(await table.entries(limit=0)), [], "a page of 0 is empty")


async def workers_share_rows(site: StateBench) -> None:
    """Two workers see the same rows at once."""
    async with site.worker() as one, site.worker() as two:
        await one.table("t").put("k", b"1", lifetime_seconds=60)
        expect_equal(await two.table("t").get("k"), b"1", "another worker sees what was put")
        await two.table("t").put("k", b"2")
        expect_equal(await one.table("t").get("k"), b"2", "and the other way round")
        expect_equal(await two.table("t").delete("k"), True, "another worker may delete it")
        expect_equal(await one.table("t").get("k"), None, "then it is gone for both")


async def atomic_counters(site: StateBench) -> None:
    """No increment of any worker is lost, none is seen twice."""
    sums: list[int] = []

    async def count(table: Table) -> None:
        sums.extend([await table.increment("n") for _ in range(ROUNDS)])

    async with site.worker() as one, site.worker() as two, trio.open_nursery() as nursery:
        for table in (one.table("t"), two.table("t")):
            for _ in range(TASKS):
                nursery.start_soon(count, table)
    total = 2 * TASKS * ROUNDS
    expect_equal(sorted(sums), list(range(1, total + 1)), "each increment gives its own sum")


async def taken_once(site: StateBench) -> None:
    """A row that several workers take at the same time goes to one of them."""
    taken: list[bytes] = []

    async def take(table: Table, key: str) -> None:
        value = await table.take(key)
        if value is not None:
            taken.append(value)

    async with site.worker() as one, site.worker() as two:
        for number in range(TASKS):
            await one.table("t").put(f"k{number}", b"%d" % number)
        async with trio.open_nursery() as nursery:
            for number in range(TASKS):
                nursery.start_soon(take, one.table("t"), f"k{number}")
                nursery.start_soon(take, two.table("t"), f"k{number}")
    expect_equal(sorted(taken), [b"%d" % n for n in range(TASKS)], "each row is taken once")


async def added_once(site: StateBench) -> None:
    """Of several workers that add the same key, one wins."""
    won: list[bytes] = []

    async def add(table: Table, value: bytes) -> None:
        if await table.add("k", value):
            won.append(value)

    async with site.worker() as one, site.worker() as two:
        async with trio.open_nursery() as nursery:
            for number in range(TASKS):
                nursery.start_soon(add, one.table("t"), b"one %d" % number)
                nursery.start_soon(add, two.table("t"), b"two %d" % number)
        expect_equal(len(won), 1, "one add succeeds")
        expect_equal(await two.table("t").get("k"), won[0], "and its value is there")


TABLE_CHECKS: Final[tuple[StateCheck, ...]] = (
    absent_rows,
    values,
    add_only_if_absent,
    bounds,
    counters,
    key_order,
    workers_share_rows,
    atomic_counters,
    taken_once,
    added_once,
)
