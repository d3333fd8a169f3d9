"""A stranger's extension: everything that one may add, and three commands that take over.

Tests install it as a distribution of its own (`test_stranger.py`). It imports nothing but what the
README lists. Messages have colours by their UID, mailboxes by an annotation.
"""

from __future__ import annotations

import zlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import ClassVar

from thurn.plugin import Settings, StashKey, plugin
from thurn_listener_imap.answer import CommandRefused, done, refused
from thurn_listener_imap.extension import (
    CommandKind,
    ImapExtension,
    ListReturn,
    ListSelection,
    SearchReturn,
    after_login,
)
from thurn_listener_imap.fetch.item import Column
from thurn_listener_imap.search.check import Check, Cost
from thurn_wire.imap.command import Command
from thurn_wire.imap.fetch import Attribute
from thurn_wire.imap.grammar.registry import Rule, add
from thurn_wire.imap.grammar.session import without_arguments
from thurn_wire.imap.search import SearchKey
from thurn_wire.imap.sequence import SequenceSet
from thurn_wire.imap.state import ANY, LOGGED_IN, SELECTED, Step

COLOUR = Attribute("X-COLOUR")
LIKED = StashKey[str]("liked")
RED = SequenceSet((), "^RED")
NAMES = (b"red", b"green", b"blue")
ENTRY = "/shared/x-colour"


class ColourSettings(Settings):
    """What a site may set."""

    capability: str = "X-COLOURS"


@dataclass(frozen=True, slots=True)
class Paint(Command):
    NAME: ClassVar[str] = "X-PAINT"
    colour: str


@dataclass(frozen=True, slots=True)
class Echo(Command):
    NAME: ClassVar[str] = "XECHO"


@dataclass(frozen=True, slots=True)
class Wait(Command):
    NAME: ClassVar[str] = "XWAIT"


@dataclass(frozen=True, slots=True)
class Compress(Command):
    NAME: ClassVar[str] = "COMPRESS"


@dataclass(frozen=True, slots=True)
class ColourKey(SearchKey):
    colour: bytes


def colour_of(uid):
    return NAMES[uid % len(NAMES)]


# Words.


def atom(cursor):
    cursor.space()
    return cursor.atom()


def compress(cursor):
    cursor.space()
    cursor.expect(b"DEFLATE")
    return Compress()


def words(grammar):
    grammar.add_command("X-PAINT", Rule(lambda cursor: Paint(atom(cursor)), SELECTED))
    grammar.add_command("XECHO", Rule(without_arguments(Echo()), ANY, Step.TAKE_OVER))
    grammar.add_command("XWAIT", Rule(without_arguments(Wait()), SELECTED, Step.TAKE_OVER))
    grammar.add_command("COMPRESS", Rule(compress, LOGGED_IN, Step.TAKE_OVER))
    add(grammar.fetch_items, "X-COLOUR", lambda _: COLOUR)
    add(grammar.search_keys, "X-COLOUR", lambda c: ColourKey(atom(c).lower().encode()))
    add(grammar.search_returns, "X-COLOURS", lambda _: None)
    add(grammar.named_sets, "^RED", RED)
    add(grammar.list_selections, "X-PAINTED", lambda _: None)
    add(grammar.list_returns, "X-COLOUR", lambda _: None)
    add(grammar.status_items, "X-COLOUR", "X-COLOUR")
    add(grammar.select_parameters, "X-LIKE", atom)
    add(grammar.create_parameters, "X-COLOUR", atom)


# What they do.


async def paint(conversation, command):
    if command.colour == "grey":
        raise CommandRefused(refused("Not a colour", b"X-DULL 1"))
    conversation.stash[LIKED] = command.colour
    conversation.write(b"* X-PAINTED " + command.colour.encode() + b"\r\n")
    return done("X-PAINT done", b"X-BRIGHT " + command.colour.encode())


def colour_item(_item):
    return Column(b"X-COLOUR %b", lambda b: [colour_of(u) for u in b.column(b.view.uids)])


def colour_check(key, scope):
    uids = scope.view.uids
    return Check(Cost.COLUMNS, lambda one: colour_of(uids[one.at]) == key.colour)


def colours_of(_conversation, result, _value):
    names = sorted({colour_of(result.view.uids[at]) for at in result.positions})
    return ((b"X-COLOURS", b"(" + b" ".join(names) + b")"),)


def red_uids(selected):
    uids = selected.told.uids
    return type(uids)("I", [uid for uid in uids if colour_of(uid) == b"red"])


async def like(conversation, value):
    conversation.stash[LIKED] = value


def liked(conversation):
    word = conversation.stash.get(LIKED)
    return () if word is None else (f"* X-LIKED {word}\r\n".encode(),)


def create_coloured(_conversation, new, value):
    if value == "grey":
        raise CommandRefused(refused("Not a colour", b"X-DULL 1"))

    async def paint_it(mailbox):
        await mailbox.annotate(ENTRY, value.encode())

    new.after.append(paint_it)


# Taking over.


async def echo(conversation, _command):
    """Say everything again, up to a line with one dot."""
    conversation.write(b"+ go on\r\n")
    octets = b""
    while b".\r\n" not in octets:
        more = await conversation.receive_octets()
        if not more:
            return refused("Nobody is there")
        octets += more
    said, _, rest = octets.partition(b".\r\n")
    conversation.write(said)
    conversation.unread_octets(rest)
    return done("XECHO done")


async def wait(conversation, _command):
    """IDLE by other means: tell what changes until the client sends a line."""
    conversation.write(b"+ waiting\r\n")
    octets = b""
    while b"\r\n" not in octets:
        more = await conversation.receive_octets(or_change=True)
        if more is None:
            await conversation.tell_updates(may_expunge=True)
        elif not more:
            break
        else:
            octets += more
    conversation.unread_octets(octets.partition(b"\r\n")[2])
    return done("XWAIT done")


async def deflate(conversation, _command):
    """RFC 4978, but for its details."""
    conversation.write(done("DEFLATE active").encode(conversation.tag))
    await conversation.flush()
    dropped_octets = conversation.replace_connection(Deflated(conversation.connection))
    if dropped_octets:
        conversation.write(b"* X-DROPPED %d\r\n" % dropped_octets)


class Deflated:
    """A connection whose octets are compressed in both directions."""

    def __init__(self, inner):
        self._inner = inner
        self._inflate = zlib.decompressobj(wbits=-15)
        self._deflate = zlib.compressobj(wbits=-15)

    def __getattr__(self, name):
        return getattr(self._inner, name)

    async def receive(self, maximum_octets=16_384):
        octets = self._inflate.decompress(self._inflate.unconsumed_tail, maximum_octets)
        while not octets:
            more = await self._inner.receive(maximum_octets)
            if not more:
                return b""
            octets = self._inflate.decompress(more, maximum_octets)
        return octets

    async def send(self, data):
        await self._inner.send(
            self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        )

    async def send_parts(self, parts):
        await self.send(b"".join(parts))


def extension(capability="X-COLOURS"):
    return ImapExtension(
        name="colours",
        capabilities=after_login(capability, "COMPRESS=DEFLATE"),
        enables={"X-BRIGHT": lambda conversation: conversation.stash.__setitem__(LIKED, "bright")},
        grammar=words,
        commands={
            Paint: CommandKind(paint),
            Echo: CommandKind(echo),
            Wait: CommandKind(wait),
            Compress: CommandKind(deflate),
        },
        fetch_items={COLOUR: colour_item},
        search_keys={ColourKey: colour_check},
        search_returns={"X-COLOURS": SearchReturn(colours_of)},
        named_sets={"^RED": red_uids},
        list_selections={"X-PAINTED": ListSelection(matches=lambda one: one.name != "INBOX")},
        list_returns={"X-COLOUR": ListReturn(extended=lambda *_: b'"X-COLOUR" ("red")')},
        list_attributes=(lambda _, listed: (b"\\X-Even",) if len(listed.name) % 2 == 0 else (),),
        status_items={"X-COLOUR": lambda _, record: b"(%b)" % NAMES[record.messages % 3]},
        select_parameters={"X-LIKE": like},
        create_parameters={"X-COLOUR": create_coloured},
        select_responses=(liked,),
        update_responses=(liked,),
    )


@plugin("imap", "colours")
@asynccontextmanager
async def colours(config: ColourSettings):
    """The entry point."""
    yield extension(config.capability)
