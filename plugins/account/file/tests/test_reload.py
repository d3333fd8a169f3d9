"""The file is read again when it has changed; a broken file changes nothing."""

from __future__ import annotations

import pytest
import trio
from thurn.plugin import Address, ConfigError, Local, UnknownAddress
from thurn_account_file.factory import file
from thurn_account_file.settings import FileSettings
from thurn_testing.fakes.context import FakeContext

ONE = 'domains = ["example.org"]\n[accounts.alice]\n'
TWO = ONE + "[accounts.bob]\n"
BOB = Address.parse("bob@example.org")


async def knows_bob(accounts):
    return isinstance(await accounts.resolve(BOB), Local)


async def test_a_change_is_seen_after_a_second(opened, write):
    async with opened(ONE) as (accounts, context):
        assert await accounts.resolve(BOB) == UnknownAddress(True)
        write(TWO)
        context.clock.advance(0.9)
        assert not await knows_bob(accounts)
        context.clock.advance(0.2)
        assert await knows_bob(accounts)
        assert [line.event for line in context.diagnostics.lines] == ["accounts.read"]


async def test_a_change_in_place_is_seen(opened):
    async with opened(ONE) as (accounts, context):
        path = context.data.parent / "accounts"
        path.write_text(TWO)
        context.clock.advance(1)
        assert await knows_bob(accounts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TWO + "[accounts.carol", "line 4"),
        (TWO + '[accounts.carol]\nquota = "much"\n', "line 5: accounts.carol.quota"),
        (TWO + "[accounts.carol]\npasword = 1\n", "line 5: accounts.carol.pasword"),
        (b"\xff" + TWO.encode(), "line 1: the text is not UTF-8"),
        ("", "no accounts any more"),
        (ONE.splitlines()[0], "no accounts any more"),
    ],
)
async def test_a_broken_file_changes_nothing_and_is_logged_once(opened, write, text, expected):
    async with opened(ONE) as (accounts, context):
        write(text)
        for _ in range(5):
            context.clock.advance(1)
            assert not await knows_bob(accounts)
        assert context.diagnostics.events == ["accounts.broken"]
        assert expected in str(context.diagnostics.lines[-1].facts["failure"])
        write(TWO)
        context.clock.advance(1)
        assert await knows_bob(accounts)


async def test_nobody_is_unknown_while_the_file_is_emptied(opened, write):
    """After `> accounts.toml` the file is empty for a moment; mail must not be refused then."""
    async with opened(ONE) as (accounts, context):
        write("")
        context.clock.advance(1)
        alice = Address.parse("alice@example.org")
        assert isinstance(await accounts.resolve(alice), Local)


async def test_a_file_that_changes_while_it_is_read_is_read_again(opened, write):
    async with opened(TWO) as (accounts, context):
        read = accounts._source.read

        def slowly():
            result = read()
            write(TWO + "[accounts.carol]\n")  # the rest of the file
            return result

        accounts._source.read = slowly
        write(ONE)
        context.clock.advance(1)
        assert await knows_bob(accounts)
        accounts._source.read = read
        context.clock.advance(1)
        assert await knows_bob(accounts)
        assert [line.event for line in context.diagnostics.lines] == ["accounts.read"]


async def test_a_lost_file_changes_nothing(opened, write):
    async with opened(TWO) as (accounts, context):
        (context.data.parent / "accounts").unlink()
        for _ in range(3):
            context.clock.advance(1)
            assert await knows_bob(accounts)
        assert context.diagnostics.events == ["accounts.broken"]
        write(ONE)
        context.clock.advance(1)
        assert not await knows_bob(accounts)


async def test_the_next_look_up_reads_the_file_after_a_cancelled_one(opened, write):
    async with opened(ONE) as (accounts, context):
        write(TWO)
        context.clock.advance(1)
        with trio.CancelScope() as scope:
            scope.cancel()
            await accounts.resolve(BOB)
        context.clock.advance(1)
        assert await knows_bob(accounts)


async def test_others_do_not_wait_for_the_reading(opened, write):
    async with opened(ONE) as (accounts, context):
        write(TWO)
        context.clock.advance(1)
        answers = []

        async def ask():
            answers.append(await knows_bob(accounts))

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask)
        assert answers == [False, False, True]


async def test_a_world_readable_file(opened):
    with pytest.raises(ConfigError, match="chmod o-rwx"):
        async with opened(ONE, mode=0o644):
            pass
    async with opened(ONE, mode=0o644, world_readable="warn") as (_, context):
        assert context.diagnostics.events == ["accounts.world_readable"]
    async with opened(ONE, mode=0o640) as (_, context):
        assert context.diagnostics.events == []


async def test_no_file(opened, tmp_path):
    config = FileSettings(file=tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"nowhere: the file cannot be read: No such file"):
        async with file.open(config, FakeContext(tmp_path)):
            pass
