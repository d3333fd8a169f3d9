"""A stranger's extension, installed as a distribution of its own and named by a section
`[imap.many]`: it adds everything that an extension may add, with the means that ours have."""

from __future__ import annotations

import shutil
import sys
import zlib
from pathlib import Path

import importlib_metadata
import pytest
from thurn.hooks.registry import installed
from thurn.plugin import hookimpl
from trio.testing import wait_all_tasks_blocked

SOURCE = Path(__file__).parent / "colours.py"
MODULE = "thurn_imap_colours"
METADATA = """\
Metadata-Version: 2.1
Name: thurn-imap-colours
Version: 1.0
Requires-Dist: thurn>=2,<3
"""


@pytest.fixture
def points(tmp_path, monkeypatch):
    """The entry points of the distribution, once it is installed."""
    folder = tmp_path / "site-packages"
    information = folder / f"{MODULE}-1.0.dist-info"
    information.mkdir(parents=True)
    shutil.copy(SOURCE, folder / f"{MODULE}.py")
    (information / "METADATA").write_text(METADATA)
    (information / "entry_points.txt").write_text(f"[thurn]\nimap.colours = {MODULE}:colours\n")
    installed()  # what is read once per process must not have this one in it
    monkeypatch.syspath_prepend(str(folder))
    (distribution,) = importlib_metadata.distributions(path=[str(folder)])
    yield tuple(distribution.entry_points)
    sys.modules.pop(MODULE, None)


@pytest.fixture
async def world(open_world, points, mock_clock):
    """A site that has the extension in one of its listeners."""
    more = {"imap": {"many": {"type": "colours", "capability": "X-MANY"}}}
    async with open_world(points=points, more=more, extensions=["many"]) as one:
        yield one


@pytest.fixture
async def say(world):
    """What is answered to a line, in a session that is logged in."""
    peer = await world.log_in(select="")

    async def answered(line):
        return await world.say(peer, line + b"\r\n")

    answered.peer = peer
    return answered


async def test_capability_and_enable(say):
    assert b" X-MANY" in await say(b"1 CAPABILITY")
    assert await say(b"2 ENABLE X-BRIGHT") == b"* ENABLED X-BRIGHT\r\n2 OK ENABLE done\r\n"
    assert await say(b"3 NOOP") == b"3 OK NOOP done\r\n"  # updates are of a mailbox
    assert b"* X-LIKED bright\r\n" in await say(b"4 SELECT INBOX")


async def test_a_parameter_of_select(say):
    assert (await say(b"1 EXAMINE INBOX (X-LIKE blue)")).endswith(b"EXAMINE done\r\n")
    assert await say(b"2 NOOP") == b"* X-LIKED blue\r\n2 OK NOOP done\r\n"


async def test_a_command_and_response_codes(say):
    await say(b"1 SELECT INBOX")
    assert await say(b"2 X-PAINT green") == (
        b"* X-PAINTED green\r\n* X-LIKED green\r\n2 OK [X-BRIGHT green] X-PAINT done\r\n"
    )
    answer = await say(b"3 X-PAINT grey")
    assert answer == b"* X-LIKED green\r\n3 NO [X-DULL 1] Not a colour\r\n"


async def test_fetch_and_search(say):
    await say(b"1 SELECT INBOX")
    assert (await say(b"2 FETCH 1:2 (UID X-COLOUR)")).startswith(
        b"* 1 FETCH (UID 1 X-COLOUR green)\r\n* 2 FETCH (UID 2 X-COLOUR blue)\r\n"
    )
    assert (await say(b"3 SEARCH NOT X-COLOUR green")).startswith(b"* SEARCH 2 3\r\n")
    assert (await say(b"4 SEARCH RETURN (X-COLOURS MIN) 1:2")).startswith(
        b'* ESEARCH (TAG "4") X-COLOURS (blue green) MIN 1\r\n'
    )


async def test_a_named_set(say):
    await say(b"1 SELECT INBOX")
    assert (await say(b"2 FETCH ^RED UID")).startswith(b"* 3 FETCH (UID 3)\r\n2 OK")
    assert (await say(b"3 SEARCH OR ^RED 1")).startswith(b"* SEARCH 1 3\r\n")
    assert b"3 EXPUNGE" in await say(b"4 STORE ^RED +FLAGS.SILENT (\\Deleted)\r\n5 EXPUNGE")


async def test_list_status_and_create(say, world):
    assert await say(b"1 CREATE even (X-COLOUR red)") == b"1 OK CREATE done\r\n"
    assert await (await world.mailbox(mailbox="even")).annotations() == {"/shared/x-colour": b"red"}
    assert await say(b"2 CREATE dull (X-COLOUR grey)") == b"2 NO [X-DULL 1] Not a colour\r\n"
    assert (await say(b"3 STATUS dull (MESSAGES)")).startswith(b"3 NO [NONEXISTENT]")
    assert (await say(b'4 LIST (X-PAINTED) "" * RETURN (X-COLOUR)')).startswith(
        b'* LIST (\\HasNoChildren \\X-Even) "/" even ("X-COLOUR" ("red"))\r\n4 OK'
    )
    answer = await say(b"5 STATUS INBOX (MESSAGES X-COLOUR)")
    assert answer.startswith(b"* STATUS INBOX (MESSAGES 3 X-COLOUR (red))\r\n")


async def test_a_command_takes_over(say):
    assert await say(b"1 XECHO") == b"+ go on\r\n"
    assert await say(b"a {9}\r\n\0b") == b""
    assert await say(b".\r\n2 NOOP") == (b"a {9}\r\n\0b\r\n1 OK XECHO done\r\n2 OK NOOP done\r\n")
    together = b"3 XECHO\r\nx\r\n.\r\n4 SELECT INBOX\r\n5 XECHO\r\n.\r\n6 CLOSE"
    answer = await say(together)
    assert answer.startswith(b"+ go on\r\nx\r\n3 OK XECHO done\r\n")
    assert answer.endswith(b"+ go on\r\n5 OK XECHO done\r\n6 OK CLOSE done\r\n")


async def test_a_command_takes_over_before_login(world):
    peer = world.connect()
    await world.say(peer, b"")
    assert b"1 OK XECHO" in await world.say(peer, b"1 XECHO\r\n.\r\n")
    assert b"2 OK [CAPABILITY" in await world.say(peer, b"2 LOGIN alice secret\r\n")


async def test_the_client_goes_while_a_command_has_taken_over(say):
    await say(b"1 XECHO")
    await say.peer.send_eof()
    await wait_all_tasks_blocked(0.01)
    assert say.peer.received() == b"1 NO Nobody is there\r\n"
    assert say.peer.closed


async def test_the_server_closes_while_a_command_has_taken_over(say):
    await say(b"1 XECHO")
    say.peer.connection.closing = True
    answer = await say(b"x")
    assert answer == b"* BYE [UNAVAILABLE] The server is closing\r\n"
    assert say.peer.closed


async def test_waiting_for_changes(say, world):
    await say(b"1 SELECT INBOX")
    assert await say(b"2 XWAIT") == b"+ waiting\r\n"
    await world.deliver(b"Subject: x\r\n\r\n")
    await wait_all_tasks_blocked()
    assert await world.say(say.peer, b"") == b"* 4 EXISTS\r\n* 0 RECENT\r\n"
    assert await say(b"enough\r\n3 NOOP") == b"2 OK XWAIT done\r\n3 OK NOOP done\r\n"


async def test_a_command_replaces_the_connection(say, world):
    deflate, inflate = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)

    async def compressed(octets):
        sent = deflate.compress(octets) + deflate.flush(zlib.Z_SYNC_FLUSH)
        return inflate.decompress(await world.say(say.peer, sent))

    answer = await say(b"1 COMPRESS DEFLATE\r\n2 DELETE INBOX")  # in the clear: dropped
    assert answer.startswith(b"1 OK DEFLATE active\r\n")
    assert inflate.decompress(answer.partition(b"\r\n")[2]) == b"* X-DROPPED 16\r\n"
    answer = await compressed(b"3 SELECT INBOX\r\n4 FETCH 3 BODY.PEEK[TEXT]\r\n")
    assert answer.endswith(
        b"3 OK [READ-WRITE] SELECT done\r\n"
        b"* 3 FETCH (BODY[TEXT] {16}\r\nline 1\r\nline 2\r\n)\r\n4 OK FETCH done\r\n"
    )
    assert (await compressed(b"5 APPEND INBOX {3}\r\n")).startswith(b"+ ")
    assert b"5 OK [APPENDUID" in await compressed(b"x\r\n\r\n")


async def test_other_listeners_do_not_have_it(world):
    other = await world.log_in(listener="clear")
    answer = await world.say(other, b"1 CAPABILITY\r\n2 FETCH 1 X-COLOUR\r\n3 XECHO\r\n")
    assert b"X-MANY" not in answer
    assert b"2 BAD " in answer
    assert b"3 BAD " in answer


async def test_an_extension_by_the_hook(open_world, points, mock_clock):
    module = __import__(MODULE)

    class Stranger:
        @hookimpl
        def thurn_imap_register_extension(self):
            return (module.extension("X-MANY"),)

    async with open_world(hooks=[Stranger()]) as world:
        peer = await world.log_in(listener="clear")
        assert b" X-MANY" in await world.say(peer, b"1 CAPABILITY\r\n")
        assert b"2 OK XECHO" in await world.say(peer, b"2 XECHO\r\n.\r\n")
