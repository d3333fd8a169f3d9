"""What transcripts cannot show: clients that do not read, many in IDLE, literals that break off."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trio
from thurn.plugin import Blob, Content, FlagChange
from trio.testing import wait_all_tasks_blocked

BODY = b"Subject: some\r\n\r\n" + b"0123456789abcde\r\n" * 500


def descriptors():
    return len([*Path("/proc/self/fd").iterdir()])


async def test_a_client_that_does_not_read_is_not_answered(open_world, mock_clock):
    async with open_world(messages=[BODY] * 300) as world:
        peer = await world.log_in()
        await peer.send_all(b"1 FETCH 1:* BODY.PEEK[]\r\n" * 20)
        await wait_all_tasks_blocked(0.01)
        calls = world.faults.calls.count("body")
        # What the kernel would hold, what waits to be sent, and a piece.
        assert calls * len(BODY) < 262_144 + 262_144
        answer = await world.say(peer, b"")
        assert answer.count(b"1 OK FETCH done") == 20
        assert answer.count(BODY) == 6000


async def test_idle_costs_no_task(world, mock_clock):
    peers = [await world.log_in() for _ in range(20)]
    for peer in peers:
        assert await world.say(peer, b"1 IDLE\r\n") == b"+ idling\r\n"
    await wait_all_tasks_blocked()
    before = trio.lowlevel.current_statistics().tasks_living
    for peer in peers[:10]:
        await world.say(peer, b"DONE\r\n")
    # The watch of the mailbox is one task for all, and stays.
    assert trio.lowlevel.current_statistics().tasks_living == before
    await world.deliver(b"Subject: x\r\n\r\n")
    await wait_all_tasks_blocked()
    for peer in peers[10:]:
        assert await world.say(peer, b"") == b"* 4 EXISTS\r\n* 0 RECENT\r\n"
    for peer in peers[10:]:
        await world.say(peer, b"DONE\r\n")
    await wait_all_tasks_blocked()
    assert trio.lowlevel.current_statistics().tasks_living == before - 1


async def test_a_literal_that_breaks_off_ends_without_a_word(world, mock_clock, tmp_path):
    path = tmp_path / "body"
    path.write_bytes(b"Subject: x\r\n\r\n" + b"x" * 1_000_000)
    content = Content(Blob(path=path))
    with path.open("r+b") as file:
        file.truncate(500_000)
    world.faults.contents[1] = content
    peer = await world.log_in()
    answer = await world.say(peer, b"1 FETCH 1 BODY.PEEK[]\r\n")
    assert answer.startswith(b"* 1 FETCH (BODY[] {1000014}\r\n")
    assert len(answer) < 600_000
    assert b"BYE" not in answer
    assert peer.closed


async def test_large_messages_wait_in_files(world, mock_clock):
    peer = await world.log_in()
    await peer.send_all(b"1 APPEND INBOX {3000000+}\r\n" + b"x" * 2_000_000)
    await wait_all_tasks_blocked(0.01)
    assert len(world.spooled()) == 1
    await peer.send_eof()
    await wait_all_tasks_blocked(0.01)
    assert peer.closed
    assert not world.spooled()
    assert len(await (await world.mailbox()).view()) == 3


async def test_many_messages_that_wait_keep_no_descriptors(world, mock_clock):
    peer = await world.log_in()
    before = descriptors()
    message = b"x" * 30_000
    await world.say(peer, b"1 APPEND INBOX {30000+}\r\n" + message)
    for _ in range(99):
        await world.say(peer, b" {30000+}\r\n" + message)
    assert len(world.spooled()) == 66  # the first MiB is in memory
    assert abs(descriptors() - before) < 5  # 66 of ours; the site itself opens and closes some
    answer = await world.say(peer, b"\r\n")
    assert answer.endswith(b" 4:103] APPEND done\r\n")
    assert world.spooled() == []


async def test_a_large_message_is_stored(world, mock_clock):
    peer = await world.log_in()
    octets = b"Subject: y\r\n\r\n" + b"0123456789\r\n" * 200_000
    answer = await world.say(peer, b"1 APPEND INBOX {%d+}\r\n%b\r\n" % (len(octets), octets))
    assert b"1 OK [APPENDUID" in answer
    mailbox = await world.mailbox()
    assert (await mailbox.body(4)).read() == octets
    assert not world.spooled()


async def test_many_names_in_one_list(world, mock_clock):
    account = await world.account()
    for number in range(300):
        await account.create(f"parent{number % 10}/child{number}")
    peer = await world.log_in(select="")
    answer = await world.say(peer, b'1 LIST "" *\r\n')
    assert answer.count(b"* LIST") == 311
    assert answer.count(b"\\HasChildren") == 10


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"EXPUNGE", b"* 1 EXPUNGE\r\n* 1 FETCH (FLAGS ())\r\n1 OK"),
        (b"UID EXPUNGE 1:*", b"* 1 EXPUNGE\r\n* 1 FETCH (UID 2 FLAGS ())\r\n1 OK"),
        (b"CLOSE", b"1 OK"),
    ],
)
async def test_what_another_keeps_is_not_removed(world, mock_clock, command, answer):
    """Deleted is taken back between the look for such messages and their removal."""
    peer = await world.log_in()
    await world.say(peer, b"0 STORE 1:2 +FLAGS.SILENT (\\Deleted)\r\n")

    async def keep():
        await (await world.mailbox()).flag([2], FlagChange.REMOVE, ["\\Deleted"])

    world.faults.before["expunge"] = keep
    said = await world.say(peer, b"1 " + command + b"\r\n")
    assert said.startswith(answer)
    assert list((await (await world.mailbox()).view()).uids) == [2, 3]


async def test_what_is_deleted_and_changed_is_removed_all_the_same(world, mock_clock):
    peer = await world.log_in()
    await world.say(peer, b"0 STORE 1:2 +FLAGS.SILENT (\\Deleted)\r\n")

    async def mark():
        await (await world.mailbox()).flag([2], FlagChange.ADD, ["\\Seen"])

    world.faults.before["expunge"] = mark
    said = await world.say(peer, b"1 EXPUNGE\r\n")
    assert said == b"* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n1 OK EXPUNGE done\r\n"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"APPEND INBOX {5+}\r\nhello", b"1 OK [APPENDUID "),
        (b"UID COPY 1 INBOX", b"1 OK [COPYUID "),
    ],
)
async def test_what_was_done_is_answered_though_the_session_ends(
    world, mock_clock, command, answer
):
    """A session is ended while it stores; a client that hears nothing stores again."""
    peer = await world.log_in()

    async def end():
        peer.connection.extend(-1)
        await trio.sleep_forever()

    async def end_behind():
        world.faults.before["view"] = end

    if command.startswith(b"APPEND"):
        world.faults.before["view"] = end
    else:  # which looks before, too
        world.faults.before["copy"] = end_behind
    said = await world.say(peer, b"1 " + command + b"\r\n")
    assert peer.closed
    assert said.startswith(answer)
    assert said.endswith(b"* BYE Logged out for inactivity\r\n")


@pytest.mark.parametrize(
    ("returns", "told"),
    [(b"MIN", {1}), (b"MAX", {3}), (b"MIN MAX", {1, 3}), (b"MIN COUNT", {1, 2, 3})],
)
async def test_the_modseq_is_that_of_what_is_told(world, mock_clock, returns, told):
    """RFC 4731 §3.2: the highest one of the messages that the options tell."""
    peer = await world.log_in()
    await world.say(
        peer, b"0 STORE 1 +FLAGS.SILENT (\\Seen)\r\n0 STORE 2 +FLAGS.SILENT (\\Seen)\r\n"
    )
    fetched = await world.say(peer, b"1 FETCH 1:* MODSEQ\r\n")
    modseqs = dict(re.findall(rb"\* (\d) FETCH \(MODSEQ \((\d+)\)\)", fetched))
    answer = await world.say(peer, b"2 SEARCH RETURN (" + returns + b") MODSEQ 1\r\n")
    highest = max(int(modseqs[b"%d" % number]) for number in told)
    assert answer.partition(b"\r\n")[0].endswith(b" MODSEQ %d" % highest)


@pytest.mark.parametrize("padding", [0, 200_000], ids=["whole", "in pieces"])
async def test_nul_goes_out_in_literal8_only(world, padding):
    """RFC 9051 §4.3, RFC 3516 §4.2: what came by SMTP with a NUL is stored so."""
    header, body = b"Subject: a\0b\r\nX-Y: c\0\r\n\r\n", b"d\0e" + b"f" * padding + b"\0\r\n"
    await world.deliver(header + body)
    peer = await world.log_in("alice", select="INBOX")
    items = "BODY.PEEK[] RFC822 BODY.PEEK[1] BODY.PEEK[HEADER.FIELDS (SUBJECT)]"
    items += " BODY.PEEK[HEADER.FIELDS (X-Y)] BODY.PEEK[TEXT]<0.3> ENVELOPE"
    answer = await world.say(peer, f"1 FETCH * ({items})\r\n".encode())
    assert b"\0" not in answer
    assert b"{%d}\r\nSubject: a\x80b\r\n" % len(header + body) in answer
    assert b"BODY[TEXT]<0> {3}\r\nd\x80e" in answer
    answer = await world.say(peer, b"2 FETCH * (BINARY.PEEK[1] BINARY.PEEK[1]<2.1>)\r\n")
    assert b"BINARY[1] ~{%d}\r\n%b" % (len(body), body) in answer
    assert b"BINARY[1]<2> {1}\r\ne" in answer
    assert answer.count(b"\0") == 2


async def test_from_searches_the_address_of_the_envelope(world):
    """RFC 9051 §6.4.4."""
    await world.deliver(b"From: Boss <boss (at work)@ bank . example>\r\nSubject: a\r\n\r\nx\r\n")
    await world.deliver(b"From: Boss\r\nTo: x\r\nSubject: b\r\n\r\nx\r\n")
    peer = await world.log_in("alice", select="INBOX")
    for key in ("FROM boss@bank.example", "FROM BANK.EXAMPLE", 'FROM "boss (at work)"'):
        answer = await world.say(peer, f"1 SEARCH {key}\r\n".encode())
        assert answer.startswith(b"* SEARCH 4\r\n"), (key, answer)
