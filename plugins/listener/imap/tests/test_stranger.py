"""A stranger's extension, through the public door alone: a command, a capability, a FETCH item, a
SEARCH key, a LIST return option, a SELECT parameter, responses of its own, ENABLE."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

import pytest
from thurn.plugin import PluginError, Settings, StashKey, hookimpl, plugin
from thurn_listener_imap.answer import done
from thurn_listener_imap.extension import (
    CommandKind,
    ImapExtension,
    ListReturn,
    after_login,
)
from thurn_listener_imap.extensions.bundled import BUNDLED
from thurn_listener_imap.factory import ImapHead
from thurn_listener_imap.fetch.item import Column
from thurn_listener_imap.registry import Extensions
from thurn_listener_imap.search.check import Check, Cost
from thurn_wire.imap.command import Command
from thurn_wire.imap.fetch import Attribute
from thurn_wire.imap.grammar.builtin import base_grammar
from thurn_wire.imap.grammar.registry import Rule, add
from thurn_wire.imap.search import SearchKey
from thurn_wire.imap.state import SELECTED

COLOUR = Attribute("X-COLOUR")
LIKED = StashKey[str]("liked")
NAMES = (b"red", b"green", b"blue")


@dataclass(frozen=True, slots=True)
class Paint(Command):
    NAME: ClassVar[str] = "X-PAINT"
    colour: str


@dataclass(frozen=True, slots=True)
class ColourKey(SearchKey):
    colour: bytes


def colour_of(uid):
    return NAMES[uid % len(NAMES)]


def grammar(grammar):
    def paint(cursor):
        cursor.space()
        return Paint(cursor.atom())

    def key(cursor):
        cursor.space()
        return ColourKey(cursor.atom().lower().encode())

    def value(cursor):
        cursor.space()
        return cursor.atom()

    grammar.add_command("X-PAINT", Rule(paint, SELECTED))
    add(grammar.fetch_items, "X-COLOUR", lambda _: COLOUR)
    add(grammar.search_keys, "X-COLOUR", key)
    add(grammar.list_returns, "X-COLOUR", lambda _: None)
    add(grammar.select_parameters, "X-LIKE", value)


async def paint(conversation, command):
    conversation.stash[LIKED] = command.colour
    conversation.write(b"* X-PAINTED " + command.colour.encode() + b"\r\n")
    return done("X-PAINT done")


def colour_item(_item):
    return Column(b"X-COLOUR %b", lambda b: [colour_of(u) for u in b.column(b.view.uids)])


def colour_check(key, scope):
    uids = scope.view.uids
    return Check(Cost.COLUMNS, lambda one: colour_of(uids[one.at]) == key.colour)


async def like(conversation, value):
    conversation.stash[LIKED] = value


def liked(conversation):
    word = conversation.stash.get(LIKED)
    return () if word is None else (f"* X-LIKED {word}\r\n".encode(),)


def colours(capability="X-COLOURS"):
    return ImapExtension(
        name="colours",
        capabilities=after_login(capability),
        enables={"X-BRIGHT": lambda conversation: conversation.stash.__setitem__(LIKED, "bright")},
        grammar=grammar,
        commands={Paint: CommandKind(paint)},
        fetch_items={COLOUR: colour_item},
        search_keys={ColourKey: colour_check},
        list_returns={"X-COLOUR": ListReturn(extended=lambda *_: b'"X-COLOUR" ("red")')},
        select_parameters={"X-LIKE": like},
        update_responses=(liked,),
    )


class ColourSettings(Settings):
    capability: str = "X-COLOURS"


@plugin("imap", "colours")
@asynccontextmanager
async def plugged(config: ColourSettings):
    yield colours(config.capability)


async def use(world):
    peer = await world.log_in(select="")

    async def say(line):
        return await world.say(peer, line + b"\r\n")

    assert b" X-MANY" in await say(b"1 CAPABILITY")
    assert await say(b"2 ENABLE X-BRIGHT") == b"* ENABLED X-BRIGHT\r\n2 OK ENABLE done\r\n"
    answer = await say(b"3 SELECT INBOX (X-LIKE blue)")
    assert answer.endswith(b"3 OK [READ-WRITE] SELECT done\r\n")
    assert await say(b"4 NOOP") == b"* X-LIKED blue\r\n4 OK NOOP done\r\n"
    assert await say(b"5 X-PAINT green") == (
        b"* X-PAINTED green\r\n* X-LIKED green\r\n5 OK X-PAINT done\r\n"
    )
    assert (await say(b"6 FETCH 1:2 (UID X-COLOUR)")).startswith(
        b"* 1 FETCH (UID 1 X-COLOUR green)\r\n* 2 FETCH (UID 2 X-COLOUR blue)\r\n"
    )
    assert (await say(b"7 SEARCH NOT X-COLOUR green")).startswith(b"* SEARCH 2 3\r\n")
    assert (await say(b'8 LIST "" INBOX RETURN (X-COLOUR)')).startswith(
        b'* LIST (\\HasNoChildren) "/" INBOX ("X-COLOUR" ("red"))\r\n'
    )


async def test_an_extension_with_settings(open_world, mock_clock):
    more = {"imap": {"many": {"type": "colours", "capability": "X-MANY"}}}
    async with open_world(plugins=[plugged], more=more, extensions=["many"]) as world:
        await use(world)
        other = await world.log_in(listener="clear")
        answer = await world.say(other, b"1 CAPABILITY\r\n2 FETCH 1 X-COLOUR\r\n")
        assert b"X-MANY" not in answer
        assert b"2 BAD " in answer


async def test_an_extension_by_the_hook(open_world, mock_clock):
    class Stranger:
        @hookimpl
        def thurn_imap_register_extension(self):
            return (colours("X-MANY"),)

    async with open_world(hooks=[Stranger()]) as world:
        await use(world)
        assert b"X-MANY" in await world.say(
            await world.log_in(listener="clear"), b"1 CAPABILITY\r\n"
        )


def test_two_of_one_name():
    with pytest.raises(PluginError, match="colours"):
        Extensions([*BUNDLED, colours(), colours()], base_grammar())


def test_two_that_claim_one_key():
    other = ImapExtension(name="other", commands={Paint: CommandKind(paint)})
    with pytest.raises(PluginError, match="colours and other"):
        Extensions([*BUNDLED, colours(), other], base_grammar())


def test_a_word_that_is_there():
    other = ImapExtension(
        name="other", grammar=lambda g: add(g.fetch_items, "ENVELOPE", lambda _: COLOUR)
    )
    with pytest.raises(PluginError, match="other: ENVELOPE"):
        Extensions([*BUNDLED, other], base_grammar())


def test_ours_use_the_same_door():
    assert ImapHead.thurn_imap_register_extension(None) is BUNDLED
