from __future__ import annotations

import random
import shutil

import pytest
from thurn.plugin import Append, FlagChange, MailboxExists, MailboxNameRefused, StorageError
from thurn_store_spool.log.deposit import SUMMARY_OCTETS
from thurn_store_spool.operation.kind import Appended, decode_record
from thurn_testing.contracts.storesite import ALICE, WHEN, append, message, subjects

NAMES = ("INBOX", "a", "a/b", "c", "d/e")


class Player:
    """Does random things to an account."""

    def __init__(self, account, seed):
        self.account = account
        self.random = random.Random(seed)
        self.count = 0

    async def step(self):
        doings = [
            self.store,
            self.store,
            self.store,
            self.flag,
            self.expunge,
            self.copy,
            self.move,
            self.tree,
            self.texts,
        ]
        await self.random.choice(doings)()

    async def _mailbox(self):
        records = await self.account.mailboxes()
        return await self.account.mailbox(self.random.choice(records).name)

    async def _some(self):
        mailbox = await self._mailbox()
        uids = list((await mailbox.view()).uids)
        return mailbox, self.random.sample(uids, min(len(uids), 3))

    async def store(self):
        self.count += 1
        name = self.random.choice(NAMES)
        flags = tuple(self.random.sample(["\\Seen", "$A", "$B", "\\Deleted"], 2))
        key = f"key {self.random.randrange(30)}"
        content = message(f"m{self.count}")
        await self.account.append(Append(name, content, WHEN, flags, create=True, key=key))

    async def flag(self):
        mailbox, uids = await self._some()
        flags = self.random.sample(["\\Seen", "$A", "$C"], 2)
        await mailbox.flag(uids, self.random.choice(list(FlagChange)), flags)

    async def expunge(self):
        mailbox, uids = await self._some()
        await mailbox.expunge(uids[:1])

    async def copy(self):
        mailbox, uids = await self._some()
        target = self.random.choice(await self.account.mailboxes()).name
        await mailbox.copy(uids, target)

    async def move(self):
        mailbox, uids = await self._some()
        target = self.random.choice(await self.account.mailboxes()).name
        await mailbox.move(uids, target)

    async def tree(self):
        name, other = self.random.sample(NAMES, 2)
        try:
            match self.random.randrange(3):
                case 0:
                    await self.account.create(name, special_use=["\\Junk"])
                case 1:
                    await self.account.rename(name, other)
                case _:
                    await self.account.delete(name)
        except (StorageError, MailboxExists, MailboxNameRefused):
            pass

    async def texts(self):
        match self.random.randrange(6):
            case 0:
                await self.account.put_document("sieve", "main", b"keep;" * self.count)
            case 1:
                await self.account.activate_document("sieve", None)
            case 2:
                await self.account.delete_document("sieve", "main")
            case 3:
                await self.account.subscribe("a", self.random.random() < 0.5)
            case 4:
                await (await self._mailbox()).annotate("/private/comment", b"%d" % self.count)
            case _:
                await self.account.annotate("/shared/x", None)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_replay_leads_from_any_earlier_state_to_the_same_rows(bench, files, tmp_path, seed):
    snapshots = []
    async with bench.open() as store:
        player = Player(await store.open(ALICE, None), seed)
        for step in range(120):
            await player.step()
            if step % 30 == 5:
                target = tmp_path / f"at-{step}"
                snapshots.append(files.copy_store(bench.directory, target))
        wanted = files.dump(bench.directory)
    snapshots.append(tmp_path / "nothing")
    for directory in snapshots:
        async with bench.open(directory):
            bench.log.replay()
            bench.log.replay()
        found = files.dump(directory)
        for table, rows in wanted.items():
            assert found[table] == rows, (directory, table)


@pytest.mark.parametrize("limit", [0, SUMMARY_OCTETS])
async def test_a_record_spares_the_scan_and_needs_it_not(
    bench, files, tmp_path, monkeypatch, limit
):
    """Large summaries are left out; the rows are the same."""
    monkeypatch.setattr("thurn_store_spool.log.deposit.SUMMARY_OCTETS", limit)
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        for number in range(3):
            await account.append(append(f"m{number}"))
        wanted = files.dump(bench.directory)
    decoded = [decode_record(record.payload) for _, record in bench.log.records]
    stored = [one for record in decoded for one in record.operations if isinstance(one, Appended)]
    assert [one.summary is None for one in stored] == [limit == 0] * 3
    async with bench.open(tmp_path / "nothing"):
        bench.log.replay()
    assert files.dump(tmp_path / "nothing")["body"] == wanted["body"]


async def test_a_number_given_twice_goes_to_the_later(bench):
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        dead = account.prepare(append("dead"))
        bench.die_before_commit(dead.changes)
        alive = await account.append(append("alive"))
        assert dead.stored.uid == alive.uid
        for _time in range(2):
            bench.log.replay()
            inbox = await account.mailbox("INBOX")
            assert await subjects(inbox) == ["alive", "dead"]
            assert (await inbox.view()).uids[0] == alive.uid
        bench.log.retire()
        assert await subjects(inbox) == ["alive", "dead"]
        assert [line.event for line in bench.context.diagnostics.lines].count(
            "store.numbers_taken"
        ) == 2


async def test_the_same_from_nothing(bench, tmp_path):
    """As after a power cut that took the index: the later record keeps the number."""
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        bench.die_before_commit(account.prepare(append("dead")).changes)
        alive = await account.append(append("alive"))
    shutil.rmtree(bench.directory)
    async with bench.open() as store:
        bench.log.replay()
        inbox = await (await store.open(ALICE, None)).mailbox("INBOX")
        assert await subjects(inbox) == ["alive", "dead"]
        assert (await inbox.view()).uids[0] == alive.uid


async def test_the_later_of_two_is_on_the_disk_when_replay_has_dropped_the_other(bench):
    """Else a power cut brings both again, perhaps in two parts of a replay."""
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        bench.die_before_commit(account.remember("dead", lifetime_seconds=900).changes)
        await bench.log.commit(account.remember("alive", lifetime_seconds=900).changes)
        done = []
        account._index.connect().exec_trace = lambda _cursor, sql, _bound: not done.append(sql)
        bench.log.replay()
        account._index.connect().exec_trace = None
        assert done.index("PRAGMA synchronous=FULL") < len(done) - 1 - done[::-1].index("COMMIT")
        assert await account.seen("alive")
        assert not await account.seen("dead")


async def test_a_lost_number_of_a_mailbox_does_not_misfile(bench):
    """The mailbox that the dead worker made has its number taken by another."""
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        dead = account.prepare(Append("Lists", message("dead"), WHEN, create=True))
        bench.die_before_commit(dead.changes)
        await account.append(Append("Other", message("alive"), WHEN, create=True))
        bench.log.replay()
        assert await subjects(await account.mailbox("Other")) == ["alive"]
        assert await subjects(await account.mailbox("Lists")) == ["dead"]


async def test_a_record_without_commit_is_replayed(bench):
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await account.append(append("one"))
        bench.die_before_commit(account.prepare(append("two")).changes)
        assert await subjects(await account.mailbox("INBOX")) == ["one"]
    async with bench.open() as store:
        bench.log.replay()
        account = await store.open(ALICE, None)
        assert await subjects(await account.mailbox("INBOX")) == ["one", "two"]
