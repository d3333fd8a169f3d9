"""The file is read again when it has changed; a broken one changes nothing."""

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
    ("text", "said"),
    [
        (TWO + "[accounts.carol", "line 4"),
        (TWO + '[accounts.carol]\nquota = "much"\n', "line 5: accounts.carol.quota"),
        (TWO + "[accounts.carol]\npasword = 1\n", "line 5: accounts.carol.pasword"),
        (b"\xff" + TWO.encode(), "line 1: not UTF-8"),
        ("", "no accounts any more"),
        (ONE.splitlines()[0], "no accounts any more"),
    ],
)
async def test_a_broken_one_changes_nothing_and_is_told_once(opened, write, text, said):
    async with opened(ONE) as (accounts, context):
        write(text)
        for _ in range(5):
            context.clock.advance(1)
            assert not await knows_bob(accounts)
        assert context.diagnostics.events == ["accounts.broken"]
        assert said in str(context.diagnostics.lines[-1].facts["failure"])
        write(TWO)
        context.clock.advance(1)
        assert await knows_bob(accounts)


async def test_nobody_is_unknown_while_the_file_is_emptied(opened, write):
    """`> accounts.toml`: the next look finds nothing, and mail must not be refused for that."""
    async with opened(ONE) as (accounts, context):
        write("")
        context.clock.advance(1)
        alice = Address.parse("alice@example.org")
        assert isinstance(await accounts.resolve(alice), Local)


async def test_one_that_changes_while_it_is_read_is_read_again(opened, write):
    async with opened(TWO) as (accounts, context):
        read = accounts._source.read

        def slowly():
            found = read()
            write(TWO + "[accounts.carol]\n")  # the rest of it
            return found

        accounts._source.read = slowly
        write(ONE)
        context.clock.advance(1)
        assert await knows_bob(accounts)
        accounts._source.read = read
        context.clock.advance(1)
        assert await knows_bob(accounts)
        assert [line.event for line in context.diagnostics.lines] == ["accounts.read"]


async def test_a_lost_one_changes_nothing(opened, write):
    async with opened(TWO) as (accounts, context):
        (context.data.parent / "accounts").unlink()
        for _ in range(3):
            context.clock.advance(1)
            assert await knows_bob(accounts)
        assert context.diagnostics.events == ["accounts.broken"]
        write(ONE)
        context.clock.advance(1)
        assert not await knows_bob(accounts)


async def test_a_cancelled_look_is_made_up_for(opened, write):
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


async def test_a_world_readable_one(opened):
    with pytest.raises(ConfigError, match="chmod o-rwx"):
        async with opened(ONE, mode=0o644):
            pass
    async with opened(ONE, mode=0o644, world_readable="warn") as (_, context):
        assert context.diagnostics.events == ["accounts.world_readable"]
    async with opened(ONE, mode=0o640) as (_, context):
        assert context.diagnostics.events == []


async def test_no_file(opened, tmp_path):
    config = FileSettings(file=tmp_path / "nowhere")
    with pytest.raises(ConfigError, match=r"nowhere: cannot be read: No such file"):
        async with file.open(config, FakeContext(tmp_path)):
            pass
