"""Waiting for changes costs nothing for each who waits, and misses nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import trio
from thurn.plugin import AccountId, Append, Content, MailboxNotFound
from thurn_store_spool.account.mailbox import SpoolMailbox
from thurn_store_spool.watch import file, watch
from thurn_testing.contracts.plainstate import PlainState

SOON = 2 * watch.PAUSE_SECONDS
"""After a notice; without one it would be a second."""

WHEN = datetime(2025, 6, 1, tzinfo=UTC)


def message(mailbox="INBOX"):
    return Append(mailbox, Content.of(b"Subject: x\r\n\r\nx\r\n"), WHEN)


async def inbox(store, name):
    return await (await store.open(AccountId(name), None)).mailbox("INBOX")


@pytest.fixture
def looks(monkeypatch):
    """Accounts whose view was asked for, in order."""
    asked = []
    real = SpoolMailbox.view

    async def view(self):
        asked.append(self._index.account)
        return await real(self)

    monkeypatch.setattr(SpoolMailbox, "view", view)
    return asked


async def test_only_those_concerned_look(bench, looks, autojump_clock):
    names = [f"u{number}" for number in range(8)]
    async with bench.open(accounts_open=4) as store, trio.open_nursery() as nursery:
        for name in names:
            mailbox = await inbox(store, name)
            view = await mailbox.view()
            nursery.start_soon(mailbox.wait_changed, view.highestmodseq)
        await trio.sleep(3)
        looks.clear()
        # More wait than indexes may be open: none is opened, so none is closed for it.
        await trio.sleep(60)
        assert looks == []
        await (await store.open(AccountId("u3"), None)).append(message())
        await trio.testing.wait_all_tasks_blocked()
        assert looks == ["u3"]
        nursery.cancel_scope.cancel()


async def test_a_lost_notice_costs_a_second(bench, autojump_clock):
    async with bench.open() as store:
        bench.state = PlainState()  # another worker, whose notices do not come
        async with bench.open() as other:
            mailbox = await inbox(store, "alice")
            for _ in range(3):
                view = await mailbox.view()
                await (await other.open(AccountId("alice"), None)).append(message())
                with trio.fail_after(watch.RECHECK_SECONDS + 2 * watch.PAUSE_SECONDS):
                    await mailbox.wait_changed(view.highestmodseq)
                view = await mailbox.view()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(mailbox.wait_changed, view.highestmodseq)
                    await trio.sleep(5)
                    await (await other.open(AccountId("alice"), None)).append(message())
                    await trio.sleep(watch.RECHECK_SECONDS + 2 * watch.PAUSE_SECONDS)
                    assert not nursery.child_tasks


async def test_a_mailbox_deleted_elsewhere_ends_the_wait(bench, autojump_clock):
    async with bench.open() as store:
        account = await store.open(AccountId("alice"), None)
        await account.create("work")
        mailbox = await account.mailbox("work")
        view = await mailbox.view()
        bench.state = PlainState()
        async with bench.open() as other, trio.open_nursery() as nursery:

            async def wait():
                with pytest.raises(MailboxNotFound):
                    await mailbox.wait_changed(view.highestmodseq)

            nursery.start_soon(wait)
            await trio.sleep(2)
            await (await other.open(AccountId("alice"), None)).delete("work")
            await trio.sleep(watch.RECHECK_SECONDS + 2 * watch.PAUSE_SECONDS)
            assert not nursery.child_tasks


async def test_without_the_file_everybody_looks(bench, looks, autojump_clock):
    (bench.directory / file.FILE).mkdir(parents=True)
    async with bench.open() as store, trio.open_nursery() as nursery:
        mailbox = await inbox(store, "alice")
        view = await mailbox.view()
        nursery.start_soon(mailbox.wait_changed, view.highestmodseq)
        looks.clear()
        await trio.sleep(3)
        assert 2 <= len(looks) <= 5
        bench.state = PlainState()
        async with bench.open() as other:
            await (await other.open(AccountId("alice"), None)).append(message())
            await trio.sleep(1.5)
            assert not nursery.child_tasks


async def test_who_has_not_the_file_tells_all_who_may_wait(bench, autojump_clock):
    (bench.directory / file.FILE).mkdir(parents=True)
    async with bench.open() as store:
        (bench.directory / file.FILE).rmdir()
        async with bench.open() as other, trio.open_nursery() as nursery:
            mailbox = await inbox(other, "alice")
            view = await mailbox.view()
            nursery.start_soon(mailbox.wait_changed, view.highestmodseq)
            await trio.sleep(3)
            await (await store.open(AccountId("alice"), None)).append(message())
            await trio.sleep(SOON)
            assert not nursery.child_tasks
            nursery.cancel_scope.cancel()


async def test_nobody_waits_nothing_is_read(bench, monkeypatch, autojump_clock):
    reads = []
    real = file.WatchFile.read_numbers

    def read_numbers(self, known):
        reads.append(1)
        return real(self, known)

    monkeypatch.setattr(file.WatchFile, "read_numbers", read_numbers)
    async with bench.open() as store:
        await inbox(store, "alice")
        await trio.sleep(2)  # the first look is free
        reads.clear()
        await trio.sleep(60)
        assert not reads


class Told:
    """Notices between the stores of a bench, and the topics that were told."""

    def __init__(self, notices):
        self._notices = notices
        self.topics = []

    def publish(self, topic, value=0):
        self.topics.append(topic)
        self._notices.publish(topic, value)

    def subscribe(self, topic):
        return self._notices.subscribe(topic)


@pytest.fixture
def told(bench):
    bench.state.notices = Told(bench.state.notices)
    return bench.state.notices.topics


async def append(store, name):
    await (await store.open(AccountId(name), None)).append(message())


async def test_only_where_somebody_waits_a_notice_goes(bench, told, autojump_clock):
    async with bench.open() as one, bench.open() as two, bench.open() as three:
        for store in (one, two, three):
            await append(store, "alice")
        assert told == []
        mailbox = await inbox(one, "alice")
        view = await mailbox.view()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(mailbox.wait_changed, view.highestmodseq)
            await trio.sleep(1)
            await append(two, "bob")
            await append(one, "bob")
            assert told == []
            await append(three, "alice")
            assert len(told) == 1
            await trio.sleep(SOON)
            assert not nursery.child_tasks
        await append(two, "alice")
        assert len(told) == 1


async def test_in_each_worker_where_somebody_waits(bench, told, autojump_clock):
    async with bench.open() as one, bench.open() as two, trio.open_nursery() as nursery:
        for store in (one, two):
            mailbox = await inbox(store, "alice")
            view = await mailbox.view()
            nursery.start_soon(mailbox.wait_changed, view.highestmodseq)
            nursery.start_soon(mailbox.wait_changed, view.highestmodseq + 1)
        await trio.sleep(1)
        await append(one, "alice")
        await trio.sleep(SOON)
        assert len(nursery.child_tasks) == 2
        await append(two, "alice")
        await trio.sleep(SOON)
        assert not nursery.child_tasks
        assert len(told) == len(set(told)) == 2


async def test_what_a_dead_worker_waited_for_is_forgotten(bench, told, autojump_clock):
    async with bench.open() as one:
        await append(one, "alice")
        path = bench.directory / file.FILE
        octets = bytearray(path.read_bytes())
        at = file.WAITS_AT + file.cell_of(AccountId("alice")) * file.LANES
        octets[at + 1] = 1  # the lane of the next
        path.write_bytes(octets)
        await append(one, "alice")
        assert len(told) == 1
        async with bench.open():
            await append(one, "alice")
            assert len(told) == 1


async def test_more_workers_than_lanes(bench, told, monkeypatch, autojump_clock):
    monkeypatch.setattr(file, "LANES", 1)
    monkeypatch.setattr(file, "NOBODY", bytes(1))
    async with bench.open() as one, bench.open() as two:
        for store, other in ((one, two), (two, one)):
            mailbox = await inbox(store, "alice")
            view = await mailbox.view()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(mailbox.wait_changed, view.highestmodseq)
                await trio.sleep(5)
                await append(other, "alice")
                await trio.sleep(watch.RECHECK_SECONDS + SOON)
                assert not nursery.child_tasks
        assert len(told) == 1
