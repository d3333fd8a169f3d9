"""The ledger: who gets memory, disk and the turn to scan (ADR 0019)."""

from __future__ import annotations

import pytest
import trio
from thurn.app.ledger import COPIES, HOLDER_PART, SCAN_COPIES, UNIT_OCTETS, WorkerLedger
from thurn.net.shares import SharedCounts
from thurn.types.errors import StorageFull
from trio.testing import wait_all_tasks_blocked

MEMORY_OCTETS = 1000
RESERVE_OCTETS = 100 * UNIT_OCTETS
ROOM_UNITS = 200


@pytest.fixture
def free():
    """The free octets of the disk, as a list of one."""
    return [RESERVE_OCTETS + ROOM_UNITS * UNIT_OCTETS]


@pytest.fixture
def ledger(free):
    return WorkerLedger(MEMORY_OCTETS, RESERVE_OCTETS, lambda: free[0])


def content_octets(units):
    return units * UNIT_OCTETS // COPIES


def test_memory_is_granted_up_to_the_budget(ledger):
    first, second = ledger.share("a"), ledger.share("b")
    assert first.hold_memory(600)
    assert not second.hold_memory(401)
    assert second.hold_memory(400)
    assert not second.hold_memory(401)
    assert ledger.held_octets == MEMORY_OCTETS
    assert first.hold_memory(100)
    assert second.hold_memory(900)
    for share in (first, first, second):
        share.release()
    assert ledger.held_octets == 0


async def test_one_scan_is_always_admitted_and_the_others_wait_in_order(ledger, autojump_clock):
    running, most, order = 0, 0, []

    async def scan(number):
        nonlocal running, most
        async with ledger.scan_turn(45 * MEMORY_OCTETS):
            running += 1
            most = max(most, running)
            order.append(number)
            await trio.sleep(1)
            running -= 1

    async with trio.open_nursery() as nursery:
        for number in range(40):
            nursery.start_soon(scan, number)
            await wait_all_tasks_blocked()
    assert most == 1
    assert order == list(range(40))
    assert ledger.held_octets == 0


async def test_a_scan_is_admitted_although_contents_hold_all_memory(ledger, autojump_clock):
    assert ledger.share("a").hold_memory(MEMORY_OCTETS)
    with trio.fail_after(1):
        async with ledger.scan_turn(10 * MEMORY_OCTETS):
            pass


async def test_small_scans_run_side_by_side_within_the_budget(ledger, autojump_clock):
    size_octets = MEMORY_OCTETS // SCAN_COPIES // 4
    inside, most = 0, 0

    async def scan():
        nonlocal inside, most
        async with ledger.scan_turn(size_octets):
            inside += 1
            most = max(most, inside)
            await trio.sleep(1)
            inside -= 1

    async with trio.open_nursery() as nursery:
        for _ in range(9):
            nursery.start_soon(scan)
    assert most == 4


@pytest.mark.parametrize("is_admitted", [False, True])
async def test_who_leaves_leaves_no_gap(ledger, autojump_clock, is_admitted):
    big = 10 * MEMORY_OCTETS
    done = trio.Event()

    async def last():
        async with ledger.scan_turn(big):
            done.set()

    async def leaves(scope):
        with scope:
            async with ledger.scan_turn(big):
                assert is_admitted
                await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        scope = trio.CancelScope()
        async with ledger.scan_turn(big):
            nursery.start_soon(leaves, scope)
            await wait_all_tasks_blocked()
            nursery.start_soon(last)
            await wait_all_tasks_blocked()
            if not is_admitted:
                scope.cancel()
                await wait_all_tasks_blocked()
        scope.cancel()  # its turn has come in this very moment, if it still waited
        with trio.fail_after(1):
            await done.wait()
    assert ledger.held_octets == 0


def test_disk_is_reserved_above_the_reserve(ledger):
    share = ledger.share(None)
    with pytest.raises(StorageFull):
        share.reserve_disk(content_octets(ROOM_UNITS + 1))
    share.reserve_disk(content_octets(ROOM_UNITS))
    other = ledger.share(None)
    with pytest.raises(StorageFull):
        other.reserve_disk(0)
    with pytest.raises(StorageFull):
        ledger.need_disk(1)
    share.release()
    share.release()
    other.reserve_disk(0)
    ledger.need_disk(1)


def test_a_holder_has_a_tenth_of_what_is_free(ledger):
    shares = [ledger.share("192.0.2.1") for _ in range(ROOM_UNITS)]
    admitted = 0
    for share in shares:
        try:
            share.reserve_disk(content_octets(1))
        except StorageFull:
            break
        admitted += 1
    assert admitted == ROOM_UNITS // HOLDER_PART
    ledger.share("192.0.2.2").reserve_disk(content_octets(1))


def test_the_only_content_of_a_holder_may_be_large(ledger):
    share = ledger.share("192.0.2.1")
    share.reserve_disk(content_octets(ROOM_UNITS // 2))
    share.reserve_disk(content_octets(ROOM_UNITS))
    with pytest.raises(StorageFull):
        ledger.share("192.0.2.1").reserve_disk(0)


def test_workers_see_what_others_have_reserved(free):
    counts = SharedCounts(2)
    first, second = (WorkerLedger(MEMORY_OCTETS, RESERVE_OCTETS, lambda: free[0]) for _ in range(2))
    first.counts, second.counts = counts.of_worker(0), counts.of_worker(1)
    share = first.share("192.0.2.1")
    share.reserve_disk(content_octets(ROOM_UNITS))
    with pytest.raises(StorageFull):
        second.share("192.0.2.2").reserve_disk(0)
    share.release()
    second.share("192.0.2.2").reserve_disk(0)
