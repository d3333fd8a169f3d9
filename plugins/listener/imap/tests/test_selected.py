"""What a session's client is told of changes into which its own are mixed."""

from __future__ import annotations

from array import array

import pytest
import trio
from thurn.plugin import SYSTEM_FLAGS, FlagChange, MailboxRecord, View
from thurn_listener_imap.mailbox.flags import SEEN
from thurn_listener_imap.mailbox.selected import OwnChange, Selected

COUNT = 3
FLAGGED = 4
OWN = {7: OwnChange(FlagChange.ADD, ("\\Flagged",))}


def view(flags, modseqs):
    uids = array("I", range(1, COUNT + 1))
    sizes, received = array("Q", [1]) * COUNT, array("q", [0]) * COUNT
    return View(
        "M1",
        1,
        COUNT + 1,
        max(modseqs),
        SYSTEM_FLAGS,
        uids,
        array("Q", flags),
        array("Q", modseqs),
        sizes,
        received,
    )


class OneMailbox:
    def __init__(self, newest):
        self.newest = newest

    async def view(self):
        await trio.lowlevel.checkpoint()
        return self.newest


@pytest.mark.parametrize(
    ("flags", "modseqs", "told"),
    [
        ([FLAGGED] * 3, [7, 7, 7], []),
        ([FLAGGED, FLAGGED | SEEN, FLAGGED], [7, 7, 7], [1]),  # another's, before
        ([FLAGGED, FLAGGED | SEEN, FLAGGED], [7, 8, 7], [1]),  # another's, behind
        ([FLAGGED, 0, FLAGGED], [7, 8, 7], [1]),  # another has taken it back
        ([FLAGGED, FLAGGED, 0], [7, 7, 6], []),  # not ours, and nothing else than it was
        ([FLAGGED, 0, 0], [7, 1, 1], []),
    ],
)
async def test_own_changes(flags, modseqs, told):
    record = MailboxRecord("M1", "INBOX", 1, COUNT + 1, 1, COUNT, COUNT, 3)
    selected = Selected(OneMailbox(None), record, view([0] * 3, [1] * 3), read_only=False)
    selected.mailbox.newest = view(flags, modseqs)
    news = await selected.look(may_expunge=False, own=OWN)
    assert news.changed == told
