"""A message that is removed while SEARCH looks into the bodies before it."""

from __future__ import annotations

from array import array

import pytest
import trio
from thurn.plugin import (
    SYSTEM_FLAGS,
    Blob,
    Content,
    MailboxRecord,
    MessageExpunged,
    StorageTrouble,
    View,
)
from thurn_listener_imap.mailbox.selected import Selected
from thurn_listener_imap.search.check import Scope
from thurn_listener_imap.search.program import run_search
from thurn_wire.imap.search import Place, TextKey

MESSAGE = b"Subject: x\r\n\r\nhello\r\n"


class OneMailbox:
    """Three messages; the file of the second is gone when it is read."""

    def __init__(self, directory, error):
        self._error = error
        self._contents = []
        for number in range(3):
            path = directory / str(number)
            path.write_bytes(MESSAGE)
            self._contents.append(Content(Blob(path=path)))
        (directory / "1").unlink()

    async def bodies(self, uids):
        await trio.lowlevel.checkpoint()
        return [self._contents[uid - 1] for uid in uids]

    async def body(self, uid):
        await trio.lowlevel.checkpoint()
        assert uid == 2
        if self._error is not None:
            raise self._error
        return self._contents[uid - 1]


def scope(mailbox):
    ones = array("Q", [1]) * 3
    view = View(
        "M1", 1, 4, 3, SYSTEM_FLAGS, array("I", [1, 2, 3]), ones, ones, ones, array("q", ones)
    )
    record = MailboxRecord("M1", "INBOX", 1, 4, 3, 3, 3, 0)
    return Scope(Selected(mailbox, record, view, read_only=False))


async def test_one_that_is_gone_is_not_found(tmp_path):
    mailbox = OneMailbox(tmp_path, MessageExpunged())
    assert await run_search(TextKey(Place.BODY, "hello"), scope(mailbox), {}) == [0, 2]


@pytest.mark.parametrize("error", [None, StorageTrouble("it broke")])
async def test_one_that_is_there_is_trouble(tmp_path, error):
    with pytest.raises(StorageTrouble):
        await run_search(TextKey(Place.BODY, "hello"), scope(OneMailbox(tmp_path, error)), {})
