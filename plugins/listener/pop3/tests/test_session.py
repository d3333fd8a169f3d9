"""What transcripts cannot show: bounds, files, flags, events, ends in the middle."""

from __future__ import annotations

import re
from base64 import b64encode
from itertools import pairwise

import pytest
from thurn.plugin import Blob, Content, LoggedIn, StorageTrouble, TlsState
from thurn_listener_pop3 import body

TLS = TlsState("TLSv1.3", "TLS_AES_256_GCM_SHA384")
MEGABYTES = b"Subject: large\r\n\r\n" + b".0123456789 abcdef\r\n" * 150_000


def unstuffed(answer):
    """The content of one multi-line answer."""
    first, _, rest = answer.partition(b"\r\n")
    assert first.startswith(b"+OK"), first
    assert rest.endswith(b"\r\n.\r\n"), rest[-20:]
    return re.sub(rb"(?m)^\.", b"", rest[: -len(b".\r\n")])


def in_file(path, octets, prefix=b""):
    path.write_bytes(octets)
    return Content(Blob(path=path), prefix)


async def test_many_answers_are_sent_in_bounded_pieces(open_world):
    message = b"Subject: x\r\n\r\n" + b"y" * 5_000 + b"\r\n"
    async with open_world(messages=[message] * 100) as world:
        connection = await world.log_in()
        answer = await world.say(connection, b"".join(b"RETR %d\r\n" % n for n in range(1, 101)))
        assert answer.count(b"\r\n.\r\n") == 100
        connection.feed(b"".join(b"RETR %d\r\n" % n for n in range(1, 101)))
        await connection.quiet()
        sizes = list(map(len, connection.sends))
        assert len(sizes) < 12
        assert max(sizes) < 65_536 + 6_000


async def test_a_large_message_is_never_whole_in_memory(world, tmp_path):
    connection = await world.log_in()
    trace = b"Received: x\r\n"
    world.faults.contents[1] = in_file(tmp_path / "large", MEGABYTES, trace)
    connection.feed(b"RETR 1\r\n")
    await connection.quiet()
    assert max(map(len, connection.sends)) < 3 * 65_536
    assert len(connection.deadlines) > 20  # each send has its time
    assert unstuffed(connection.take()) == trace + MEGABYTES


async def test_a_large_top_too(world, tmp_path):
    connection = await world.log_in()
    header = len(b"Subject: one\r\n\r\n")
    large = MEGABYTES.replace(b"Subject: large", b"Subject: one")
    world.faults.contents[1] = in_file(tmp_path / "large", large)
    connection.feed(b"TOP 1 4000000000\r\n")
    await connection.quiet()
    assert max(map(len, connection.sends)) < 3 * 65_536
    assert unstuffed(connection.take()) == large
    answer = await world.say(connection, b"TOP 1 2\r\n")
    assert unstuffed(answer) == large[: header + 2 * len(b".0123456789 abcdef\r\n")]


async def test_top_with_no_lines_reads_the_header_only(world, tmp_path, monkeypatch):
    """Behind the header of this file is a hole that would be read as NUL."""
    connection = await world.log_in()
    path = tmp_path / "sparse"
    path.write_bytes(b"Subject: one\r\n\r\n")
    with path.open("r+b") as file:
        file.truncate(50_000_000)
    world.faults.contents[1] = Content(Blob(path=path))
    read = []

    class Counting(body.FileIO):
        def read(self, size=-1):
            octets = super().read(size)
            read.append(len(octets))
            return octets

    monkeypatch.setattr(body, "FileIO", Counting)
    assert await world.say(connection, b"TOP 1 0\r\n") == (
        b"+OK top of message follows\r\nSubject: one\r\n\r\n.\r\n"
    )
    assert sum(read) == len(b"Subject: one\r\n\r\n")


async def test_a_file_that_is_missing_is_an_error_of_one_command(world, tmp_path):
    connection = await world.log_in()
    for content in (in_file(tmp_path / "a", b"x" * 10), in_file(tmp_path / "b", MEGABYTES)):
        content.blob.path.unlink()
        world.faults.contents[1] = content
        answer = await world.say(connection, b"RETR 1\r\nTOP 1 0\r\nNOOP\r\n")
        assert re.fullmatch(rb"(-ERR \[SYS/TEMP\] [^\r]*\r\n){2}\+OK\r\n", answer)


async def test_a_message_that_breaks_off_is_not_ended(world, tmp_path, monkeypatch):
    """A client must not take a part for the whole."""
    connection = await world.log_in()

    class Broken(body.FileIO):
        def read(self, size=-1):
            if self.tell() > 500_000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    monkeypatch.setattr(body, "FileIO", Broken)
    world.faults.contents[1] = in_file(tmp_path / "large", MEGABYTES)
    answer = await world.say(connection, b"DELE 2\r\nRETR 1\r\nQUIT\r\n")
    assert connection.closed.is_set()
    assert not answer.endswith(b".\r\n")
    assert b"-ERR" not in answer
    assert await world.uids() == [1, 2, 3]


async def test_seen_is_not_set(world):
    connection = await world.log_in()
    await world.say(connection, b"RETR 1\r\nQUIT\r\n")
    assert not any((await (await world.mailbox()).view()).flags)
    assert "flag" not in world.faults.calls


async def test_seen_is_set_at_quit_where_the_site_wants_it(open_world):
    async with open_world(mark_seen=True) as world:
        connection = await world.log_in()
        await world.say(connection, b"RETR 1\r\nRETR 2\r\nTOP 3 0\r\nDELE 1\r\n")
        assert not any((await (await world.mailbox()).view()).flags)
        await world.say(connection, b"QUIT\r\n")
        view = await (await world.mailbox()).view()
        assert list(view.uids) == [2, 3]
        assert list(view.flags) == [1, 0]


async def test_flags_that_cannot_be_set_do_not_hide_what_was_removed(open_world):
    async with open_world(mark_seen=True) as world:
        connection = await world.log_in()
        world.faults.errors["flag"] = StorageTrouble("it broke")
        answer = await world.say(connection, b"RETR 2\r\nDELE 1\r\nQUIT\r\n")
        assert answer.endswith(b"+OK bye, 1 messages removed\r\n")
        assert await world.uids() == [2, 3]


@pytest.mark.parametrize("concurrent", ["snapshot", "lock"])
async def test_a_session_that_is_cut_leaves_everything_as_it_was(open_world, concurrent):
    async with open_world(concurrent=concurrent) as world:
        for _ in range(3):
            connection = await world.log_in()
            await world.say(connection, b"DELE 1\r\nDELE 2\r\n")
            connection.scope.cancel()
            await connection.closed.wait()
        assert await world.uids() == [1, 2, 3]


async def test_a_peer_that_is_lost_while_it_is_answered(open_world):
    async with open_world(concurrent="lock") as world:
        connection = await world.log_in()

        async def lost(octets):
            raise ConnectionResetError(104, "gone")

        connection.send = lost
        connection.feed(b"DELE 1\r\nQUIT")
        await connection.closed.wait()
        assert isinstance(connection.error, ConnectionResetError)
        assert await world.uids() == [1, 2, 3]
        await world.log_in()


async def test_the_maildrop_is_free_before_quit_is_answered(open_world):
    async with open_world(concurrent="lock") as world:
        table = world.server.site.state.table("pop3.lock")
        connection = await world.log_in()
        rows = []

        async def send(octets):
            rows.append(await table.entries())

        connection.send = send
        await world.say(connection, b"NOOP\r\n")
        await world.say(connection, b"QUIT\r\n")
        assert list(map(len, rows)) == [1, 0]


@pytest.mark.parametrize("last", [b"*\r\n", b"YQ==\r\n", None])
async def test_a_success_that_the_client_does_not_take_is_none(open_world, last):
    async with open_world(sasl=["both"]) as world:
        connection = await world.connect(tls=TLS)
        await world.say(connection, b"AUTH X-BOTH " + b64encode(b"alice secret") + b"\r\n")
        assert connection.session.identity is not None
        if last is None:
            connection.end()
            await connection.closed.wait()
        else:
            await world.say(connection, last)
        assert connection.session.identity is None


async def test_a_login_is_told_with_account_and_address(world):
    told = []
    world.server.site.events.subscribe(told.append)
    connection = await world.log_in()
    (login,) = [event for event in told if isinstance(event, LoggedIn)]
    assert (login.identity.account, login.protocol) == ("alice", "pop3")
    assert login.peer == connection.peer
    assert connection.session.identity == login.identity


async def test_a_login_without_a_maildrop_is_none(world):
    world.faults.errors["open"] = StorageTrouble("it broke")
    connection = await world.connect(tls=TLS)
    await world.say(connection, b"USER alice\r\nPASS secret\r\n")
    assert connection.session.identity is None


async def test_the_time_for_silence_is_ten_minutes(world):
    connection = await world.log_in()
    assert set(connection.deadlines) == {600.0}


async def test_closing_ends_no_download(open_world):
    message = b"Subject: x\r\n\r\n" + b"y" * 5_000 + b"\r\n"
    async with open_world(messages=[message] * 100) as world:
        connection = await world.log_in()
        send = connection.send

        async def send_and_close(octets):
            connection.closing = True
            await send(octets)

        connection.send = send_and_close
        pipeline = b"".join(b"RETR %d\r\n" % n for n in range(1, 101)) + b"QUIT\r\n"
        answer = await world.say(connection, pipeline)
        assert connection.closed.is_set()
        assert answer.count(b"\r\n.\r\n") == 100
        assert answer.endswith(b"\r\n+OK bye, 0 messages removed\r\n")


async def test_sizes_are_what_is_retrieved(world):
    connection = await world.log_in()
    listed = await world.say(connection, b"LIST\r\n")
    sizes = dict(map(bytes.split, listed.splitlines()[1:-1]))
    for number, size in sizes.items():
        answer = await world.say(connection, b"RETR %b\r\n" % number)
        assert len(unstuffed(answer)) == int(size)


async def test_unique_ids_have_1_to_70_printable_octets(world):
    connection = await world.log_in()
    listed = (await world.say(connection, b"UIDL\r\n")).splitlines()[1:-1]
    uids = [line.split(b" ")[1] for line in listed]
    assert all(re.fullmatch(rb"[!-~]{1,70}", uid) for uid in uids)
    assert all(one != two for one, two in pairwise(uids))


@pytest.mark.parametrize("said", [b"", b"CAPA\r\n", b"USER alice\r\n", b"AUTH PLAIN\r\n", b"PASS"])
async def test_a_stranger_who_waits_is_told_the_end(world, mock_clock, said):
    """The client has asked for the password, and its person is away."""
    connection = await world.connect()
    if said:
        connection.feed(said)
        await connection.quiet()
    connection.take()
    mock_clock.jump(179)
    await connection.quiet()
    assert not connection.closed.is_set()
    mock_clock.jump(2)
    await connection.closed.wait()
    assert connection.take() == b"-ERR no login for a long time, closing\r\n"


async def test_who_has_logged_in_is_ended_without_a_word(world, mock_clock):
    """RFC 1939 §3: at the autologout the server closes without sending any response."""
    connection = await world.log_in()
    mock_clock.jump(200)
    assert (await world.say(connection, b"NOOP\r\n")).startswith(b"+OK")
    assert connection.deadlines[-1] == 600
