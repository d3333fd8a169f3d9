"""Bodies are first in the log, then in files, which are written once and removed in the end."""

from __future__ import annotations

import os
import stat

import pytest
import trio
from thurn.plugin import SPILL_OCTETS, Blob, Content, StorageTrouble
from thurn_queue_spool.queue import TEND_SECONDS
from thurn_testing.contracts.storesite import message

BIG = Content.of(b"x" * (SPILL_OCTETS + 1))


def files(bench) -> list[str]:
    return sorted(path.name for path in (bench.directory / "bodies").iterdir())


async def test_settled_once_and_gone_with_the_entry(bench):
    async with bench.open() as queue:
        first = await bench.put(queue, "a")
        second = await bench.put(queue, "b")
        assert files(bench) == []
        await queue.remove(second.id)
        records = [record for _, record in bench.log.records]
        for _again in range(2):
            queue.settle(records)
        assert files(bench) == [first.id]
        bench.log.retire()
        lease = await queue.next_lease()
        assert (await lease.content()).read() == message("kit").read()
        await bench.done(lease)
        assert files(bench) == []


async def test_modes(bench):
    async with bench.open() as queue:
        await bench.put(queue, "a", content=BIG)
        for path in bench.directory.rglob("*"):
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o700 if path.is_dir() else 0o600), path


async def test_a_lost_body_is_a_failure_and_keeps_the_record(bench):
    async with bench.open() as queue:
        await bench.put(queue, "a")
        bench.log.blobs.clear()
        with pytest.raises(StorageTrouble):
            queue.settle([record for _, record in bench.log.records])
        lease = await queue.next_lease()
        with pytest.raises(StorageTrouble):
            await lease.content()
        assert await bench.names(queue) == ["a"]


@pytest.mark.parametrize("place", [True, False])
async def test_big_body(bench, tmp_path, place):
    spilled = tmp_path / "spilled"
    spilled.write_bytes(BIG.read())
    for content in (BIG, Content(Blob(path=spilled), b"Received: x\r\n")):
        async with bench.open() as queue:
            deposit = bench.deposit(queue, "a", content=content)
            if place:
                await deposit.place()
                assert files(bench) == [deposit.id]
            await bench.log.commit(deposit.changes)
            assert not bench.log.blobs
            lease = await queue.next_lease()
            assert (await lease.content()).read() == content.read()
            await bench.done(lease)
            assert files(bench) == []
    assert spilled.exists()


async def test_abort_and_repeat_leave_no_file(bench):
    async with bench.open() as queue:
        deposit = bench.deposit(queue, "a", content=BIG)
        await deposit.place()
        await deposit.abort()
        assert files(bench) == []
        first = await bench.put(queue, "a", content=BIG, key="t1")
        again = bench.deposit(queue, "a", content=BIG, key="t1")
        await again.place()
        await bench.log.commit(again.changes)
        await again.commit()
        assert files(bench) == [first.id]


async def test_abort_of_what_may_be_written_leaves_the_file(bench):
    async with bench.open() as queue:
        deposit = bench.deposit(queue, "a", content=BIG)
        await deposit.place()
        bench.die_before_commit(deposit)
        await deposit.abort()
        bench.log.replay()
        assert (await (await queue.next_lease()).content()).read() == BIG.read()


async def test_strays_are_swept(bench):
    async with bench.open() as queue:
        kept = await bench.put(queue, "a", content=BIG)
        bodies = bench.directory / "bodies"
        for name in ("old", "old.new", "young"):
            (bodies / name).write_bytes(b"x")
        for name in ("old", "old.new", kept.id):
            os.utime(bodies / name, (0, 0))
        queue._tend()
        assert files(bench) == sorted([kept.id, "young"])


async def test_nothing_is_swept_before_the_log_is_replayed(bench, autojump_clock):
    """A power cut took the entry, the machine was off for days, the body is in its file."""
    async with bench.open() as queue:
        await bench.put(queue, "a", content=BIG, key="t1")
    for path in bench.directory.glob("queue.db*"):
        path.unlink()
    (name,) = files(bench)
    os.utime(bench.directory / "bodies" / name, (0, 0))
    async with bench.open() as queue:
        await trio.sleep(60)  # opening what else there is
        bench.log.replay()
        lease = await queue.next_lease()
        assert (await lease.content()).read() == BIG.read()
        await lease.release()
        (bench.directory / "bodies" / "old").touch()
        os.utime(bench.directory / "bodies" / "old", (0, 0))
        with trio.fail_after(5 * TEND_SECONDS):
            while files(bench) != [name]:  # noqa: ASYNC110 - no event says that it is done
                await trio.sleep(TEND_SECONDS)


@pytest.mark.parametrize("is_retired", [True, False])
async def test_removed_while_it_is_settled(bench, is_retired):
    async with bench.open() as queue:
        await bench.put(queue, "a")
        bodies = queue._parts.bodies
        read = bodies.read

        def read_late(reference):
            queue._parts.database.writer.execute("DELETE FROM entry")
            return None if is_retired else read(reference)

        bodies.read = read_late
        queue.settle([record for _, record in bench.log.records])
        assert files(bench) == []
