"""However many keys a SEARCH has, the other sessions have their turn meanwhile."""

from __future__ import annotations

from array import array

import pytest
import trio
from thurn.plugin import SYSTEM_FLAGS, MailboxRecord, View
from thurn_listener_imap.mailbox.selected import Selected
from thurn_listener_imap.search.check import Scope
from thurn_listener_imap.search.program import run_search
from thurn_wire.imap.grammar.builtin import base_grammar
from thurn_wire.imap.grammar.registry import Cursor
from thurn_wire.imap.grammar.search import search_command

COUNT = 20_000
HEADER = b"Subject: one\r\nDate: Mon, 2 Jun 2025 10:00:00 +0200\r\n"


class OneMailbox:
    """A store's mailbox in which all messages are alike."""

    async def headers(self, uids):
        await trio.lowlevel.checkpoint()
        return [HEADER] * len(uids)


def scope():
    numbers = array("Q", range(1, COUNT + 1))
    view = View(
        "M1",
        1,
        COUNT + 1,
        COUNT,
        SYSTEM_FLAGS,
        array("I", numbers),
        array("Q", [0]) * COUNT,
        numbers,
        array("Q", [100]) * COUNT,
        array("q", [0]) * COUNT,
    )
    record = MailboxRecord("M1", "INBOX", 1, COUNT + 1, COUNT, COUNT, COUNT, 0)
    return Selected(OneMailbox(), record, view, read_only=False)


@pytest.mark.parametrize(
    ("keys", "found", "most"),
    [
        (["LARGER 1"] * 100, COUNT, 300),
        (["OR SEEN NOT SEEN"] * 50, COUNT, 300),
        (["1:100", *["SENTSINCE 1-Jan-2020"] * 100], 100, 10),
        (["1:100", *["NOT SUBJECT three"] * 100], 100, 10),
    ],
    ids=["sizes", "flags", "dates", "subjects"],
)
async def test_turns(keys, found, most, nursery):
    """`most` messages are judged at a time."""
    turns = 0

    async def other():
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    nursery.start_soon(other)
    command = search_command(Cursor(f" {' '.join(keys)}".encode(), base_grammar()))
    assert len(await run_search(command.key, Scope(scope()), {})) == found
    nursery.cancel_scope.cancel()
    assert turns >= found // most
