"""The engine's log of an index is written back while the worker goes on."""

from __future__ import annotations

import pytest
import trio
from thurn.plugin import FlagChange
from thurn_store_spool.index import accountindex as index_module
from thurn_store_spool.upkeep.writeback import write_back
from thurn_testing.contracts.storesite import ALICE, append

NUMBERED = slice(12, 16)  # https://sqlite.org/fileformat2.html#walformat: checkpoints so far


def log_of(bench):
    (path,) = bench.directory.glob("accounts/*/*/index.db-wal")
    return path


async def write_until_anew(bench, mailbox, uid):
    """Commit until the log has begun anew."""
    before = log_of(bench).read_bytes()[NUMBERED]
    change = FlagChange.ADD
    with trio.fail_after(100):
        while log_of(bench).read_bytes()[NUMBERED] == before:
            await mailbox.flag([uid], change, ["\\Flagged"])
            change = FlagChange.REMOVE if change is FlagChange.ADD else FlagChange.ADD
            await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("longest", [1 << 30, 8], ids=["thread", "between two commits"])
async def test_the_log_begins_anew_while_commits_go_on(bench, monkeypatch, longest):
    monkeypatch.setattr(index_module, "CHECKPOINT_PAGES", 8)
    monkeypatch.setattr(index_module, "LONGEST_PAGES", longest)
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        uid = (await account.append(append("m"))).uid
        mailbox = await account.mailbox("INBOX")
        await write_until_anew(bench, mailbox, uid)
        await write_until_anew(bench, mailbox, uid)  # and again
        view = await mailbox.view()
        assert list(view.uids) == [uid]


async def test_it_says_whether_all_was_written(bench, tmp_path):
    assert not write_back(tmp_path / "nobody")
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await account.append(append("m"))
        directory = log_of(bench).parent
        assert write_back(directory)
