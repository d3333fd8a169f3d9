"""The kit of body search: one that looks at every message passes, and each broken one is found."""

from __future__ import annotations

import pytest
import trio
from thurn.plugin import AccountId
from thurn_store_memory.factory import MemorySettings, memory
from thurn_testing.contracts.expectation import CHECK_SECONDS
from thurn_testing.contracts.plainlog import PlainLog
from thurn_testing.contracts.plainstate import PlainState
from thurn_testing.contracts.search import check_search
from thurn_testing.fakes.context import FakeContext, Given


class Index:
    """Keeps the octets of all messages, as they were at the last `catch_up`."""

    def __init__(self, account):
        self.account = account
        self.octets, self.indexed = {}, 0

    async def catch_up(self):
        mailbox = await self.account.mailbox("kit of search")
        view = await mailbox.view()
        self.octets = {uid: (await mailbox.body(uid)).read() for uid in view.uids}
        self.indexed = max([self.indexed, *view.modseqs])

    def matches(self, octets, query):
        body = octets if query.whole_message else octets.partition(b"\r\n\r\n")[2]
        return query.text.lower().encode() in body.lower()

    async def find(self, account, mailbox_id, query):
        await trio.lowlevel.checkpoint()
        if mailbox_id == "no such":
            return [], 0
        found = [uid for uid, octets in self.octets.items() if self.matches(octets, query)]
        return found, self.indexed


class WholeWords(Index):
    def matches(self, octets, query):
        return super().matches(octets.replace(b"apples", b" a p p l e s"), query)


class ExactCase(Index):
    def matches(self, octets, query):
        body = octets if query.whole_message else octets.partition(b"\r\n\r\n")[2]
        return query.text.encode() in body


class HeadersToo(Index):
    def matches(self, octets, query):
        return query.text.lower().encode() in octets.lower()


class Boasts(Index):
    async def find(self, account, mailbox_id, query):
        found, _ = await super().find(account, mailbox_id, query)
        return found, 2**62


class NeverThere(Index):
    async def find(self, account, mailbox_id, query):
        found, _ = await super().find(account, mailbox_id, query)
        return found, 0


class Remembers(Index):
    async def catch_up(self):
        before = self.octets
        await super().catch_up()
        self.octets = {**before, **self.octets}


class Twice(Index):
    async def find(self, account, mailbox_id, query):
        found, indexed = await super().find(account, mailbox_id, query)
        return [*found, *found], indexed


class Odd(Index):
    async def find(self, account, mailbox_id, query):
        query.text.encode("ascii")
        return await super().find(account, mailbox_id, query)


class Silent(Index):
    async def find(self, account, mailbox_id, query):
        await trio.sleep_forever()


async def check(kind, directory):
    given = Given(state=PlainState(), commit_log=PlainLog())
    context = FakeContext(directory, given=given)
    async with memory.open(MemorySettings(), context) as store:
        account = await store.open(AccountId("alice"), None)
        index = kind(account)
        await check_search(index, account, index.catch_up)


async def test_a_look_at_every_message_passes(tmp_path):
    await check(Index, tmp_path)


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (WholeWords, "nothing is missed"),
        (ExactCase, "nothing is missed"),
        (HeadersToo, "does not have the text"),
        (Boasts, "nothing is missed"),
        (NeverThere, "has caught up says so"),
        (Remembers, "what is expunged"),
        (Twice, "found once"),
        (Odd, "UnicodeEncodeError"),
    ],
)
async def test_what_breaks_the_contract_is_found(kind, promise, tmp_path):
    with pytest.raises(AssertionError, match=promise):
        await check(kind, tmp_path)


async def test_an_index_that_hangs_is_named(tmp_path, autojump_clock):
    begun = trio.current_time()
    with pytest.raises(AssertionError, match="took longer") as error:
        await check(Silent, tmp_path)
    assert "in the search kit's finds" in error.value.__notes__
    assert trio.current_time() - begun == CHECK_SECONDS
