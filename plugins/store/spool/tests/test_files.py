from __future__ import annotations

import stat
import time

import apsw
import pytest
import trio
from thurn.plugin import (
    KEYWORDS_PER_MAILBOX,
    SPILL_OCTETS,
    AccountId,
    Append,
    Blob,
    Content,
    LimitReached,
    StorageFull,
    StorageTrouble,
    TooLarge,
)
from thurn_store_spool.body.file import write_body
from thurn_store_spool.layout import account_directory, account_of, body_path
from thurn_store_spool.upkeep import upkeep as upkeep_module
from thurn_store_spool.upkeep.garbage import ORPHAN_SECONDS, remove_orphans
from thurn_testing.contracts.plainlog import PlainFrame, PlainLog
from thurn_testing.contracts.storesite import ALICE, WHEN, append, fill, subjects


def bodies(directory):
    return sorted(path.name for path in directory.glob("accounts/*/*/bodies/*/*"))


@pytest.mark.parametrize(
    "account",
    [
        "alice",
        "Alice",
        "",
        ".",
        "..",
        "../../etc",
        "a/b",
        "a\x00b",
        "%61",
        "ü@x.example",
        "é",
        "a" * 300,
        "a" * 301,
        "\ud800",
        "~root",
        "-rf",
        "a\nb",
        "CON",
        "ALICE",
        "a%2fb",
        "%%",
    ],
)
def test_directory_names_are_safe_and_tell_accounts_apart(tmp_path, account):
    directory = account_directory(tmp_path, AccountId(account))
    assert directory.parents[2] == tmp_path
    name = directory.name
    assert name
    assert not name.startswith(".")
    assert "/" not in name
    assert "\x00" not in name
    assert name == name.lower()
    assert len(name) < 200
    assert name.isascii()
    back = account_of(directory)
    assert back in (account, None)
    assert (back is None) == ("%%" in name)


def test_different_accounts_have_different_directories(tmp_path):
    ids = ["a", "A", "%41", "a" * 300, "a" * 301, "", "%", "%%", "é", "e\u0301"]
    assert len({account_directory(tmp_path, AccountId(one)) for one in ids}) == len(ids)


async def test_messages_of_a_day_share_a_directory(bench):
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        for _ in range(2):
            await fill(account, 5)
            bench.context.clock.advance(86_400)
        bench.log.retire()
    held = [len(list(path.iterdir())) for path in bench.directory.glob("accounts/*/*/bodies/*")]
    assert held == [5, 5]


async def test_modes(bench):
    async with bench.open() as store:
        await fill(await store.open(ALICE, None), 1)
        bench.log.retire()
        for path in (bench.directory / "accounts").rglob("*"):
            wanted = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == wanted


async def test_long_account_ids_are_listed(bench):
    ids = {AccountId("x" * 400), AccountId("Ünï/code"), AccountId("plain")}
    async with bench.open() as store:
        for one in ids:
            await fill(await store.open(one, None), 1)
        assert set(await store.accounts()) == ids


async def test_files_of_expunged_messages_go_away(bench, monkeypatch):
    monkeypatch.setattr(upkeep_module, "GATHER_SECONDS", 0.1)
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        inbox = await account.mailbox("INBOX")
        uids = await fill(account, 3)
        await inbox.expunge(uids[:1])  # before it has a file
        bench.log.retire()
        assert len(bodies(bench.directory)) == 2
        await account.create("copies")
        await inbox.copy(uids[1:], "copies")
        await inbox.expunge(uids[1:])
        await account.delete("copies")
        with trio.fail_after(100):
            while bodies(bench.directory):  # noqa: ASYNC110 - a thread removes them
                await trio.sleep(0.01)


async def test_copies_keep_the_file(bench):
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        inbox = await account.mailbox("INBOX")
        uids = await fill(account, 1)
        bench.log.retire()
        await account.create("copies")
        await inbox.move(uids, "copies")
        for _turn in range(20):
            await trio.sleep(0.001)
        assert len(bodies(bench.directory)) == 1
        assert await subjects(await account.mailbox("copies")) == ["m0"]


async def test_an_aborted_big_body_leaves_no_file(bench):
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        big = Content.of(b"Subject: x\r\n\r\n" + b"x" * SPILL_OCTETS)
        deposit = account.prepare(Append("INBOX", big, WHEN))
        await deposit.place()
        assert len(bodies(bench.directory)) == 1
        await deposit.abort()
        assert bodies(bench.directory) == []


class Refusing(PlainLog):
    """There was no room for the record, or for its rows, and it was taken back."""

    refusal: Exception | None = None

    async def commit(self, changes):
        if self.refusal is None:
            return await super().commit(changes)
        frame = PlainFrame(self)
        for change in changes:
            assert change.resource.begin()
            change.apply(frame)
            change.resource.rollback()
        self.has_failed = isinstance(self.refusal, StorageTrouble)
        raise self.refusal


@pytest.mark.parametrize(
    ("refusal", "left"), [(StorageFull(), 0), (StorageTrouble("the record may be there"), 1)]
)
async def test_a_refused_big_body_leaves_no_file_unless_a_record_may_name_it(bench, refusal, left):
    bench.log = Refusing()
    big = Content.of(b"Subject: x\r\n\r\n" + b"x" * SPILL_OCTETS)
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        bench.log.refusal = refusal
        with pytest.raises(type(refusal)):
            await account.append(Append("INBOX", big, WHEN))
        assert len(bodies(bench.directory)) == left
        bench.log.refusal = None


async def test_a_repeated_big_body_leaves_one_file(bench):
    big = Content.of(b"Subject: x\r\n\r\n" + b"x" * SPILL_OCTETS)
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        for _time in range(2):
            await account.append(Append("INBOX", big, WHEN, key="once"))
        assert len(bodies(bench.directory)) == 1
        assert await subjects(await account.mailbox("INBOX")) == ["x"]


async def test_bodies_that_nothing_names_are_swept_when_they_are_old(bench):
    big = Content.of(b"Subject: x\r\n\r\n" + b"x" * SPILL_OCTETS)
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await account.append(Append("INBOX", big, WHEN))
        await fill(account, 3)
        bench.log.retire()
        directory = account._index.directory
        kept = bodies(bench.directory)
        left = account.prepare(Append("INBOX", big, WHEN))
        await left.place()  # and its worker is killed
        next(directory.glob("bodies/*/*")).with_name("0" * 16 + ".new").touch()
        (directory / "bodies" / "of somebody").touch()
        now = time.time()
        assert remove_orphans(directory, now + ORPHAN_SECONDS - 60) == 0
        assert remove_orphans(directory, now + ORPHAN_SECONDS + 60) == 2
        assert bodies(bench.directory) == kept


async def test_bodies_of_an_index_that_was_lost_stay(bench):
    big = Content.of(b"Subject: x\r\n\r\n" + b"x" * SPILL_OCTETS)
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await account.append(Append("INBOX", big, WHEN))
        await fill(account, 3)
        bench.log.retire()
        directory = account._index.directory
    kept = bodies(bench.directory)
    for path in directory.glob("index.db*"):
        path.unlink()
    (directory / "bodies").rename(directory / "elsewhere")
    async with bench.open() as store:
        bench.context.clock.advance(time.time() + 60 - bench.context.clock.wall())
        await store.open(ALICE, None)  # an empty index is made
        (directory / "bodies").rmdir()
        (directory / "elsewhere").rename(directory / "bodies")
        assert remove_orphans(directory, time.time() + 2 * ORPHAN_SECONDS) == 0
    assert bodies(bench.directory) == kept


def test_a_body_is_written_over_what_a_killed_process_left(tmp_path):
    path = body_path(tmp_path, 7)
    path.parent.mkdir(parents=True)
    path.with_name(path.name + ".new").write_bytes(b"half")
    write_body(tmp_path, 7, b"whole")
    assert path.read_bytes() == b"whole"
    path.write_bytes(b"who")  # a cut after a rename without its data
    write_body(tmp_path, 7, b"whole")
    assert path.read_bytes() == b"whole"
    assert [one.name for one in path.parent.iterdir()] == [path.name]


async def test_few_open_accounts_serve_many(bench):
    async with bench.open(accounts_open=4) as store:
        handles = [await store.open(AccountId(f"u{n}"), None) for n in range(30)]
        deposits = [handle.prepare(append("one")) for handle in handles]
        await bench.log.commit([c for d in deposits for c in d.changes])
        for handle in handles:
            assert await subjects(await handle.mailbox("INBOX")) == ["one"]


async def test_a_missing_body_is_trouble_and_is_told(bench):
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        (uid,) = await fill(account, 1)
        bench.log.retire()
        for path in bench.directory.glob("accounts/*/*/bodies/*/*"):
            path.unlink()
        inbox = await account.mailbox("INBOX")
        with pytest.raises(StorageTrouble):
            await inbox.body(uid)
        assert bench.context.diagnostics.events == ["store.body_missing"]
        assert (await inbox.summaries([uid]))[0] is not None


async def test_an_open_transaction_is_not_seen(bench):
    """The log may sync in a thread while other tasks run."""
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await fill(account, 1)
        inbox = await account.mailbox("INBOX")
        view = await inbox.view()
        deposit = account.prepare(Append("new", append("x").content, WHEN, create=True))
        other = account.prepare(append("y"))
        frame = PlainFrame(bench.log)
        index = deposit.resource
        await began(index)
        assert not index.begin()
        deposit.apply(frame)
        other.apply(frame)
        assert await inbox.view() is view
        assert [m.name for m in await account.mailboxes()] == ["INBOX"]
        assert (await account.mailbox("INBOX")).record.messages == 1
        assert (await inbox.changes(0)).uidnext == view.uidnext
        index.commit()
        assert len(await inbox.view()) == 2
        assert [m.name for m in await account.mailboxes()] == ["INBOX", "new"]


async def test_a_busy_index_is_left_alone(bench):
    async with bench.open() as first, bench.open() as second:
        one = await first.open(ALICE, None)
        two = await second.open(ALICE, None)
        held, waiting = one.prepare(append("a")).resource, two.prepare(append("b")).resource
        await began(held)
        assert not waiting.begin()
        held.rollback()
        await began(waiting)
        waiting.rollback()


async def began(resource):
    """Begin, once what the stores do in the background at opening has let go."""
    with trio.fail_after(100):
        while not resource.begin():
            await trio.lowlevel.checkpoint()


async def test_a_full_disk_is_storage_full_and_goes_on(bench):
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await fill(account, 2)
        connection = account.prepare(append("a")).resource.connect()
        pages = connection.pragma("page_count")
        connection.pragma("max_page_count", pages)
        with pytest.raises(StorageFull):
            await fill(account, 20)
        inbox = await account.mailbox("INBOX")
        before = len(await inbox.view())
        assert len(await subjects(inbox)) == before
        connection.pragma("max_page_count", 1 << 30)
        await account.append(append("again"))
        assert (await subjects(inbox))[-1] == "again"


async def test_another_format_is_refused(bench):
    async with bench.open() as store:
        await store.open(ALICE, None)
    (path,) = bench.directory.glob("accounts/*/*/index.db")
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 99)
    connection.close()
    async with bench.open() as store:
        with pytest.raises(StorageTrouble):
            await store.open(ALICE, None)


async def test_garbage_instead_of_an_index_is_trouble(bench):
    async with bench.open() as store:
        await store.open(ALICE, None)
    (path,) = bench.directory.glob("accounts/*/*/index.db")
    path.write_bytes(b"no database at all" * 1000)
    async with bench.open() as store:
        with pytest.raises(StorageTrouble):
            await store.open(ALICE, None)


async def test_of_messages_that_cannot_all_be_stored_no_file_stays(bench):
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        big = Append("INBOX", Content.of(b"Subject: x\r\n\r\n" + b"z" * SPILL_OCTETS), WHEN)
        words = tuple(f"$k{number}" for number in range(KEYWORDS_PER_MAILBOX + 1))
        with pytest.raises(LimitReached):
            await account.append_all([big, append("small", flags=words)])
        assert bodies(bench.directory) == []
        await account.append_all([big])
        assert len(bodies(bench.directory)) == 1


async def test_what_is_kept_of_messages_that_wait_is_bounded(bench, tmp_path):
    """A thousand messages of one APPEND with long headers took a gigabyte."""
    path = tmp_path / "message"
    path.write_bytes(b"Subject: " + b"s" * 261_000 + b"\r\n\r\n")
    long = Append("INBOX", Content(Blob(path=path)), WHEN)
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        with pytest.raises(TooLarge):
            await account.append_all([long] * 40)
        assert bodies(bench.directory) == []
        await account.append_all([long] * 2)
        assert len(bodies(bench.directory)) == 2
