"""After a failed sync: indexes are written to new files before the log forgets anything."""

from __future__ import annotations

import apsw
import pytest
from thurn.plugin import StorageTrouble
from thurn_store_spool.index import schema
from thurn_store_spool.layout import account_directory
from thurn_store_spool.upkeep import upkeep as upkeep_module
from thurn_store_spool.upkeep.upkeep import Upkeep
from thurn_testing.contracts.storesite import ALICE, BOB, append, fill, subjects


def index_of(bench, account=ALICE):
    return account_directory(bench.directory, account) / "index.db"


async def prepared(bench):
    async with bench.open() as store:
        for name in (ALICE, BOB):
            await fill(await store.open(name, None), 3)
    return bench.directory


def renewed(bench):
    """What the log does in the next process."""
    (owner,) = bench.log.owners.values()
    records = [record for _, record in bench.log.records]
    owner.renew(records)
    bench.log.replay()


async def test_an_index_is_a_new_file_with_the_same_rows(bench):
    await prepared(bench)
    number = index_of(bench).stat().st_ino
    async with bench.open() as store:
        renewed(bench)
        assert index_of(bench).stat().st_ino != number
        assert index_of(bench).stat().st_mode & 0o777 == 0o600
        connection = store._pool.index(ALICE).connect()
        assert connection.pragma("journal_mode") == "wal"
        inbox = await (await store.open(ALICE, None)).mailbox("INBOX")
        assert await subjects(inbox) == ["m0", "m1", "m2"]
        assert (await (await store.open(ALICE, None)).append(append("next"))).uid == 4
    assert not list(index_of(bench).parent.glob("*.new"))


async def test_rows_that_the_kernel_has_lost_come_back_from_the_log(bench):
    await prepared(bench)
    for rest in index_of(bench).parent.glob("index.db-*"):
        rest.unlink()
    connection = apsw.Connection(str(index_of(bench)))
    connection.execute("DELETE FROM message; DELETE FROM body WHERE id > 3")
    connection.execute("DELETE FROM change WHERE modseq > 1; DELETE FROM body")
    connection.close()
    async with bench.open() as store:
        renewed(bench)
        inbox = await (await store.open(ALICE, None)).mailbox("INBOX")
        assert await subjects(inbox) == ["m0", "m1", "m2"]


async def test_a_damaged_copy_is_that_accounts_trouble(bench):
    await prepared(bench)
    octets = bytearray(index_of(bench).read_bytes())
    octets[4096:] = b"\xa5" * (len(octets) - 4096)
    index_of(bench).write_bytes(octets)
    async with bench.open() as store:
        renewed(bench)
        assert [key for _, key in bench.log.aside] == [ALICE]
        with pytest.raises(StorageTrouble):
            await store.open(ALICE, None)
        bob = await store.open(BOB, None)
        assert await subjects(await bob.mailbox("INBOX")) == ["m0", "m1", "m2"]


async def test_a_disk_that_refuses_again_is_the_sites_trouble(bench, monkeypatch):
    await prepared(bench)

    def refuse(_path):
        raise OSError(5, "input/output error")

    async with bench.open():
        monkeypatch.setattr(schema, "_sync", refuse)
        with pytest.raises(StorageTrouble) as caught:
            renewed(bench)
        assert caught.value.account == ""


@pytest.mark.parametrize(
    ("code", "distrusted"), [(apsw.SQLITE_IOERR_FSYNC, 1), (apsw.SQLITE_IOERR_READ, 0)]
)
async def test_a_checkpoint_that_cannot_be_synced_is_told(bench, monkeypatch, code, distrusted):
    await prepared(bench)
    error = apsw.IOError("disk I/O error")
    error.result, error.extendedresult = code & 0xFF, code

    def refuse(_directory):
        raise error

    async with bench.open() as store:
        index = store._pool.index(ALICE)
    monkeypatch.setattr(upkeep_module, "write_back", refuse)
    upkeep = Upkeep(bench.context.clock, bench.context.diagnostics, bench.log.distrust)
    upkeep.log_grown(index)
    upkeep._write_back()
    assert len(bench.log.distrusted) == distrusted
