"""Kept copies, moved on, are what the rows say."""

from __future__ import annotations

import random

import apsw
import pytest
import trio
from thurn.plugin import FlagChange
from thurn_store_spool.cache.columns import load, load_rows, totals_of
from thurn_store_spool.cache.kept import KEPT_MESSAGES, read_kept_totals, read_kept_view
from thurn_store_spool.index.accountindex import GROWN_CHANGES
from thurn_store_spool.index.row import read_highest
from thurn_store_spool.index.tree import read_tree
from thurn_store_spool.upkeep.copies import keep_copies
from thurn_store_spool.upkeep.upkeep import GATHER_SECONDS
from thurn_testing.contracts.storesite import ALICE, append

STEPS = 60


def account_of(bench):
    (path,) = bench.directory.glob("accounts/*/*")
    return path


def connect(bench):
    return apsw.Connection(str(account_of(bench) / "index.db"))


def compare(bench):
    """Every view from its copy is the one from the rows; gives how many had a copy."""
    connection = connect(bench)
    copies = 0
    with connection:
        highest = read_highest(connection)
        for row in read_tree(connection).by_number.values():
            copies += read_kept_view(connection, row) is not None
            assert load(connection, row, highest) == load_rows(connection, row, highest)
    connection.close()
    return copies


async def known_is_what_rows_say(account, bench):
    """The view in memory, moved on change by change."""
    known = await (await account.mailbox("INBOX")).view()
    connection = connect(bench)
    row = read_tree(connection).by_name["INBOX"]
    assert load_rows(connection, row, 0).view == known
    connection.close()


async def fill(account, count, mailbox="INBOX"):
    await account.append_all([append(f"m{n}", mailbox) for n in range(count)])


async def change(account, dice):
    """One change of any kind."""
    inbox = await account.mailbox("INBOX")
    uids = (await inbox.view()).uids
    some = uids[(low := dice.randrange(len(uids))) : low + dice.choice((1, 5, 400))]
    match dice.randrange(8):
        case 0:
            await fill(account, dice.choice((1, 30)))
        case 1:
            flags = dice.choice(
                (["\\Seen"], ["\\Deleted", "\\Seen"], [f"$Word{dice.randrange(9)}"])
            )
            await inbox.flag(some, dice.choice(list(FlagChange)), flags)
        case 2:
            await inbox.expunge(dice.sample(some.tolist(), min(len(some), 20)))
        case 3:
            await inbox.copy(some, "Other")
        case 4:
            await inbox.copy(some, "INBOX")
        case 5:  # many ranges
            await inbox.flag(dice.sample(uids.tolist(), 60), FlagChange.ADD, ["\\Flagged", "$Far9"])
        case 6:
            since = (await inbox.view()).highestmodseq - dice.randrange(9)
            await inbox.flag(uids, FlagChange.REPLACE, ["\\Draft"], unchanged_since=since)
        case 7:
            await account.append(append("seen", flags=("\\Seen", "$New")))


@pytest.mark.parametrize("seed", range(3))
async def test_a_copy_moved_on_is_what_the_rows_say(bench, seed):
    dice = random.Random(seed)
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await account.create("Other")
        await fill(account, KEPT_MESSAGES + 100)
        directory = account_of(bench)
        assert keep_copies(directory)
        for _ in range(STEPS):
            await change(account, dice)
            await known_is_what_rows_say(account, bench)
            if dice.random() < 0.1:
                keep_copies(directory, anew=dice.random() < 0.5)
            assert compare(bench) >= 1
        totals = {box.name: box for box in await account.mailboxes()}
    async with bench.open() as store:  # what is known now begins with the kept totals
        account = await store.open(ALICE, None)
        assert {box.name: box for box in await account.mailboxes()} == totals
        for name, box in totals.items():
            view = await (await account.mailbox(name)).view()
            counted = totals_of(view)
            assert (counted.messages, counted.unseen, counted.deleted, counted.size) == (
                box.messages,
                box.unseen,
                box.deleted,
                box.size_octets,
            )


async def test_copies_are_written_when_much_has_changed(bench, autojump_clock):
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await fill(account, GROWN_CHANGES + 1)
        await trio.sleep(GATHER_SECONDS + 1)
    assert compare(bench) == 1
    assert not keep_copies(account_of(bench))  # nothing has changed since
    assert keep_copies(account_of(bench), anew=True)


async def test_a_copy_goes_with_its_mailbox_and_with_what_it_would_need(bench):
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await account.create("Other")
        for name in ("INBOX", "Other"):
            await fill(account, KEPT_MESSAGES, name)
        assert keep_copies(account_of(bench))
        assert compare(bench) == 2
        await account.delete("Other")
        assert compare(bench) == 1
        connection = connect(bench)
        assert len(read_kept_totals(connection)[1]) == 1
        connection.execute("UPDATE floor SET pruned = 99999")
        assert read_kept_totals(connection) == (-1, {})
        connection.execute("UPDATE floor SET pruned = 0")
        connection.execute("UPDATE kept SET octets = CAST(X'3F' || substr(octets, 2) AS BLOB)")
        connection.close()
        assert compare(bench) == 0
        assert len(await (await account.mailbox("INBOX")).view()) == KEPT_MESSAGES


async def test_an_index_without_copies_gets_the_table(bench):
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await fill(account, 2)
    connection = connect(bench)
    connection.execute("DROP TABLE kept")
    connection.pragma("user_version", 1)
    connection.close()
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await fill(account, 1)
        assert len(await (await account.mailbox("INBOX")).view()) == 3
    assert compare(bench) == 0
