"""STORE and EXPUNGE change messages in chunks; one that fails midway has told what was done."""

from __future__ import annotations

import pytest
from thurn.plugin import FlagChange, TemporaryFailure
from thurn_listener_imap.commands import expunge, store


@pytest.fixture(autouse=True)
def single_messages(monkeypatch):
    """A chunk is one message."""
    monkeypatch.setattr(store, "CHANGE_MESSAGES", 1)
    monkeypatch.setattr(expunge, "CHANGE_MESSAGES", 1)
    monkeypatch.setattr(expunge, "LOOK_MESSAGES", 1)


def before_second(world, call, work):
    """Do this before the second call of the store's function."""

    async def first():
        world.faults.before[call] = work

    world.faults.before[call] = first


def fail_second(world, call):
    async def fail():
        world.faults.errors[call] = TemporaryFailure("the disk")

    before_second(world, call, fail)


async def test_a_record_for_each_chunk(world):
    peer = await world.log_in()
    answer = await world.say(peer, b"1 STORE 1:3 +FLAGS (\\Deleted)\r\n")
    lines = [b"* %d FETCH (FLAGS (\\Deleted))" % number for number in (1, 2, 3)]
    assert answer.splitlines() == [*lines, b"1 OK STORE done"]
    assert world.faults.calls.count("flag") == 3
    answer = await world.say(peer, b"2 EXPUNGE\r\n")
    assert answer.splitlines() == [*[b"* 1 EXPUNGE"] * 3, b"2 OK EXPUNGE done"]
    assert world.faults.calls.count("expunge") == 3


@pytest.mark.parametrize("silent", [b"", b".SILENT"])
async def test_store_that_fails_midway(world, silent):
    peer = await world.log_in()
    fail_second(world, "flag")
    answer = await world.say(peer, b"1 STORE 1:3 +FLAGS%s (\\Seen)\r\n" % silent)
    fetch, end = answer.splitlines()
    assert fetch == b"* 1 FETCH (FLAGS (\\Seen))"
    assert end.startswith(b"1 NO")


async def test_expunge_that_fails_midway(world):
    peer = await world.log_in()
    await world.say(peer, b"1 STORE 1:3 +FLAGS.SILENT (\\Deleted)\r\n")
    fail_second(world, "expunge")
    gone, end = (await world.say(peer, b"2 EXPUNGE\r\n")).splitlines()
    assert gone == b"* 1 EXPUNGE"
    assert end.startswith(b"2 NO")
    assert len(await (await world.mailbox()).view()) == 2


async def test_close_removes_all(world):
    peer = await world.log_in()
    await world.say(peer, b"1 STORE 1:3 +FLAGS.SILENT (\\Deleted)\r\n")
    assert await world.say(peer, b"2 CLOSE\r\n") == b"2 OK CLOSE done\r\n"
    assert len(await (await world.mailbox()).view()) == 0


async def test_unchangedsince_is_judged_in_its_chunk(world):
    peer = await world.log_in()
    mailbox = await world.mailbox()
    modseq = (await mailbox.view()).highestmodseq

    async def change_third():
        uid = (await mailbox.view()).uids[2]
        await mailbox.flag([uid], FlagChange.ADD, ["\\Answered"])

    async def second():
        world.faults.before["flag"] = change_third

    before_second(world, "flag", second)
    command = b"1 STORE 1:3 (UNCHANGEDSINCE %d) +FLAGS.SILENT (\\Seen)\r\n" % modseq
    answer = await world.say(peer, command)
    assert b"1 OK [MODIFIED 3]" in answer
    flags = list((await mailbox.view()).flags)
    assert flags[0] == flags[1] != flags[2]
