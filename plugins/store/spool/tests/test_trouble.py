"""One account's trouble: it is refused, its records wait, and everybody else is served."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress

import apsw
import pytest
import trio
from thurn.plugin import (
    SPILL_OCTETS,
    AccountId,
    Append,
    Content,
    FlagChange,
    StorageTrouble,
)
from thurn_store_spool.index.trouble import RETRY_SECONDS, storage_error
from thurn_store_spool.layout import account_directory
from thurn_store_spool.upkeep.upkeep import Upkeep
from thurn_testing.contracts.storesite import ALICE, BOB, WHEN, append, fill, subjects


def damage_all(path):
    path.write_bytes(b"no database at all" * 1000)


def damage_pages(path):
    """The first page is whole; what it refers to is not."""
    octets = bytearray(path.read_bytes())
    octets[4096:] = b"\xa5" * (len(octets) - 4096)
    path.write_bytes(octets)


def damage_format(path):
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 99)
    connection.close()


def damage_tables(path):
    """A whole database, and not ours."""
    connection = apsw.Connection(str(path))
    connection.execute("DROP TABLE floor; CREATE TABLE floor(x)")
    connection.close()


def take_away(path):
    path.unlink()


def empty(path):
    path.write_bytes(b"")


def unreadable(path):
    """As one that only root may open; a directory refuses root as well."""
    path.unlink()
    path.mkdir()


def change_owner(path):
    """The index of another account, put there by mistake."""
    connection = apsw.Connection(str(path))
    connection.execute("UPDATE account SET id = 'mallory'")
    connection.close()


DAMAGES = [damage_all, damage_pages, damage_format, damage_tables, take_away, empty, unreadable]


def index_of(bench, account=ALICE):
    return account_directory(bench.directory, account) / "index.db"


def whole(path):
    """One file with all that its index has, as a backup would be."""
    connection = apsw.Connection(str(path))
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    connection.close()
    return path.read_bytes()


def put_back(path, octets):
    for one in path.parent.glob("index.db*"):
        one.rmdir() if one.is_dir() else one.unlink()
    path.write_bytes(octets)


async def prepared(bench):
    """Two accounts with mail that is in its files, and more that is only in the log; the index of
    Alice as it was before and as it is after that."""
    async with bench.open() as store:
        alice, bob = await store.open(ALICE, None), await store.open(BOB, None)
        for account in (alice, bob):
            await fill(account, 3)
        bench.log.retire()
    before = whole(index_of(bench))
    async with bench.open() as store:
        for name in (ALICE, BOB):
            account = await store.open(name, None)
            await account.append(append("late", flags=["$Late"]))
            inbox = await account.mailbox("INBOX")
            await inbox.flag([1], FlagChange.ADD, ["\\Seen"])
            await inbox.expunge([2])
    return before, whole(index_of(bench))


LATE = ["m0", "m2", "late"]


async def served(store, name=BOB):
    return await subjects(await (await store.open(name, None)).mailbox("INBOX"))


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_index_does_not_stop_the_start(bench, damage):
    await prepared(bench)
    damage(index_of(bench))
    async with bench.open() as store:
        bench.log.replay()
        assert await served(store) == LATE
        with pytest.raises(StorageTrouble) as caught:
            await store.open(ALICE, None)
        assert caught.value.account == ALICE
        noted = (await store.status())["warning"]
        bench.log.retire()
        assert await served(store) == LATE
        assert (await store.status())["warning"] == noted  # it says what began it
        status = await store.status()
        assert status["accounts_in_trouble"] == 1
        assert str(index_of(bench)) in status["warning"]
        told = [x for x in bench.context.diagnostics.lines if x.event == "store.account_trouble"]
        assert len(told) == 1
        assert told[0].facts["account"] == ALICE
        assert told[0].facts["advice"]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("state", ["as it was", "older"])
async def test_what_waited_is_there_when_the_index_is_back(bench, damage, state):
    before, after = await prepared(bench)
    damage(index_of(bench))
    async with bench.open() as store:
        bench.log.replay()
        bench.log.retire()
        put_back(index_of(bench), before if state == "older" else after)
        bench.context.clock.advance(RETRY_SECONDS)
        assert await served(store, ALICE) == LATE
        inbox = await (await store.open(ALICE, None)).mailbox("INBOX")
        view = await inbox.view()
        assert list(view.uids) == [1, 3, 4]
        assert view.flags[0] & 1
        assert (await store.open(ALICE, None)).account == ALICE
        stored = await (await store.open(ALICE, None)).append(append("new"))
        assert stored.uid == 5
        assert (await store.status())["accounts_in_trouble"] == 0
        assert [line.event for line in bench.context.diagnostics.lines][
            -1
        ] == "store.account_mended"
        assert bench.log.aside == {}
    async with bench.open() as store:  # also for whoever reads the files
        assert await served(store, ALICE) == [*LATE, "new"]


async def test_an_index_that_only_lacked_rights_goes_on(bench):
    """The rights come back before anything was put aside."""
    await prepared(bench)
    path = index_of(bench)
    kept = path.with_name("kept")
    path.rename(kept)
    path.mkdir()
    async with bench.open() as store:
        with pytest.raises(StorageTrouble):
            await store.open(ALICE, None)
        path.rmdir()
        kept.rename(path)
        with pytest.raises(StorageTrouble):
            await store.open(ALICE, None)  # it is not looked at again at once
        bench.context.clock.advance(RETRY_SECONDS)
        assert await served(store, ALICE) == LATE


async def test_the_account_takes_no_change_before_its_records_are_back(bench):
    """Of a worker that has had it open all the time, too."""
    await prepared(bench)
    async with bench.open() as other:
        account = await other.open(ALICE, None)
        deposit = account.prepare(append("early"))
        async with bench.open() as store:
            index = store._pool.index(ALICE)
            index.connect()
            index.connect().execute("ALTER TABLE body RENAME TO hidden")
            bench.log.retire()
            assert bench.log.aside
            connection = apsw.Connection(str(index_of(bench)))
            connection.execute("ALTER TABLE hidden RENAME TO body")
            connection.close()
            with pytest.raises(StorageTrouble):
                await bench.log.commit(deposit.changes)
            assert deposit.resource.is_connected
            bench.context.clock.advance(RETRY_SECONDS)
            assert await served(store, ALICE) == LATE
            assert await subjects(await account.mailbox("INBOX")) == LATE
            await bench.log.commit(account.prepare(append("late enough")).changes)
        assert await served(other, ALICE) == [*LATE, "late enough"]


async def test_records_wait_for_those_that_wait_already(bench):
    """A worker is killed after the index came back and before anybody has opened the account."""
    before, _ = await prepared(bench)
    damage_all(index_of(bench))
    async with bench.open():
        bench.log.replay()
        bench.log.retire()
        put_back(index_of(bench), before)
        async with bench.open() as second:  # as a worker that writes what the first must replay
            bench.context.clock.advance(RETRY_SECONDS)
            bench.log.replay()
            bench.log.retire()
            assert await served(second, ALICE) == LATE


async def test_what_is_settled_meanwhile_waits_too(bench):
    """The index that came back is older than a segment that is settled before anybody looks."""
    before, _ = await prepared(bench)
    damage_all(index_of(bench))
    async with bench.open():
        later, bench.log.records[:] = bench.log.records[2:], bench.log.records[:2]
        blobs = dict(bench.log.blobs)
        bench.log.retire()
        put_back(index_of(bench), before)
        bench.log.records[:], bench.log.blobs = later, blobs
        bench.log.retire()
    async with bench.open() as store:
        assert await served(store, ALICE) == LATE


@pytest.mark.parametrize("damage", [one for one in DAMAGES if one is not damage_tables])
async def test_settling_alone_finds_it_too(bench, damage):
    before, _ = await prepared(bench)
    damage(index_of(bench))
    async with bench.open():
        bench.log.retire()
        assert [key for _, key in bench.log.aside] == [ALICE]
    put_back(index_of(bench), before)
    async with bench.open() as store:
        assert await served(store, ALICE) == LATE


@pytest.mark.parametrize("big", [False, True])
async def test_a_missing_index_is_not_a_new_account(bench, big):
    octets = b"Subject: x\r\n\r\n" + b"x" * (SPILL_OCTETS if big else 10)
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await account.append(Append("INBOX", Content.of(octets), WHEN))
        bench.log.retire()
    for path in index_of(bench).parent.glob("index.db*"):
        path.unlink()
    async with bench.open() as store:
        with pytest.raises(StorageTrouble, match="missing"):
            await store.open(ALICE, None)
        with pytest.raises(StorageTrouble):
            await store.open(ALICE, None)
        assert not index_of(bench).exists()


async def test_an_account_whose_whole_life_is_in_the_log_is_made_anew(bench):
    """A power cut may leave a synced body beside an index that was never synced."""
    big = Content.of(b"Subject: x\r\n\r\n" + b"x" * SPILL_OCTETS)
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await account.append(Append("INBOX", big, WHEN))
    for path in index_of(bench).parent.glob("index.db-*"):
        path.unlink()
    index_of(bench).write_bytes(b"")
    async with bench.open() as store:
        bench.log.replay()
        assert await served(store, ALICE) == ["x"]
        assert (await store.status())["accounts_in_trouble"] == 0


async def test_an_index_of_another_account_is_refused_when_it_is_put_back(bench):
    _, after = await prepared(bench)
    damage_all(index_of(bench))
    async with bench.open() as store:
        with pytest.raises(StorageTrouble):
            await store.open(ALICE, None)
        put_back(index_of(bench), after)
        change_owner(index_of(bench))
        bench.context.clock.advance(RETRY_SECONDS)
        with pytest.raises(StorageTrouble, match="mallory"):
            await store.open(ALICE, None)


async def test_damage_that_is_met_while_serving_is_contained(bench):
    """The account that two have open loses a table; one group's failure is not the worker's."""
    await prepared(bench)
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await served(store, ALICE)
        connection = apsw.Connection(str(index_of(bench)))
        connection.execute("DROP TABLE message")
        connection.close()
        with pytest.raises(StorageTrouble) as caught:
            await account.append(append("lost"))
        assert caught.value.account == ALICE
        with pytest.raises(StorageTrouble):
            await store.open(ALICE, None)
        assert await served(store) == LATE
        assert not bench.log.has_failed


@pytest.mark.parametrize("damage", [damage_all, damage_pages, damage_tables])
async def test_the_upkeep_survives_a_damaged_index(bench, damage):
    await prepared(bench)
    async with bench.open() as store:
        index = store._pool.index(ALICE)
    damage(index_of(bench))
    upkeep = Upkeep(bench.context.clock, bench.context.diagnostics, bench.log.distrust)
    upkeep.opened(index, 0)
    upkeep.grown(index)
    upkeep.log_grown(index)
    for _piece in range(3):
        upkeep._tend()
    upkeep._write_back()
    assert set(bench.context.diagnostics.events) <= {"store.tending_failed"}


async def test_accounts_are_listed_beside_a_damaged_one(bench):
    long = AccountId("x" * 400)
    async with bench.open() as store:
        for name in (ALICE, long):
            await fill(await store.open(name, None), 1)
    damage_all(index_of(bench, long))
    async with bench.open() as store:
        assert await store.accounts() == [ALICE]


async def test_fifty_damaged_indexes_under_load(bench):
    """All others are served, nothing of the fifty is lost, and each is well when it is mended."""
    names = [AccountId(f"u{n}") for n in range(60)]
    bad = names[:50]
    async with bench.open(accounts_open=16) as store:
        for name in names:
            await fill(await store.open(name, None), 2)
        bench.log.retire()
        for name in names:
            await (await store.open(name, None)).append(append("late"))
    kept = {name: whole(index_of(bench, name)) for name in bad}
    for number, name in enumerate(bad):
        DAMAGES[number % len(DAMAGES)](index_of(bench, name))
    outcomes = {name: [] for name in names}
    async with bench.open(accounts_open=16) as store:
        bench.log.replay()

        async def deliver(name):
            for number in range(4):
                with suppress(StorageTrouble):
                    account = await store.open(name, None)
                    await account.append(append(f"load{number}"))
                    outcomes[name].append(f"load{number}")

        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(deliver, name)
            await trio.lowlevel.checkpoint()
        bench.log.retire()
        for name in names[50:]:
            assert await served(store, name) == [
                "m0",
                "m1",
                "late",
                *(f"load{n}" for n in range(4)),
            ]
        assert all(not outcomes[name] for name in bad)
        assert (await store.status())["accounts_in_trouble"] == 50
        bench.context.clock.advance(RETRY_SECONDS)
        for name in bad:
            put_back(index_of(bench, name), kept[name])
            assert await served(store, name) == ["m0", "m1", "late"]
        assert (await store.status()) == {"accounts_in_trouble": 0}
    assert bench.log.aside == {}


@pytest.mark.parametrize(
    ("error", "account"),
    [
        (apsw.CorruptError("x"), "a"),
        (apsw.NotADBError("x"), "a"),
        (apsw.BusyError("x"), "a"),
        (apsw.ReadOnlyError("x"), "a"),
        (apsw.NoMemError("x"), ""),
        (PermissionError(13, "x"), "a"),
        (OSError(24, "too many open files"), ""),
        (OSError(5, "input/output error"), ""),
        (TypeError("x"), "a"),
    ],
)
def test_whose_trouble_an_error_is(error, account):
    assert storage_error(error, "a").account == account


@pytest.mark.parametrize(
    ("code", "account"),
    [
        (apsw.SQLITE_IOERR_READ, "a"),
        (apsw.SQLITE_IOERR_FSYNC, ""),
        (apsw.SQLITE_IOERR_WRITE, ""),
    ],
)
def test_a_refused_sync_is_the_sites_trouble(code, account):
    error = apsw.IOError("x")
    error.result, error.extendedresult = code & 0xFF, code
    assert storage_error(error, "a").account == account


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_an_unreadable_index_is_trouble(bench):
    await prepared(bench)
    index_of(bench).chmod(0)
    async with bench.open() as store:
        bench.log.replay()
        with pytest.raises(StorageTrouble):
            await store.open(ALICE, None)
        index_of(bench).chmod(0o600)
        bench.context.clock.advance(RETRY_SECONDS)
        assert await served(store, ALICE) == LATE


async def test_a_removed_account_keeps_no_segment(bench):
    await prepared(bench)
    shutil.rmtree(index_of(bench).parent)
    async with bench.open() as store:
        bench.log.retire()
        assert bench.log.aside == {}
        assert await served(store) == LATE
