"""The tree of mailboxes as it is known in memory, and what its changes cost."""

from __future__ import annotations

from datetime import UTC, datetime

import apsw
import pytest
from thurn.plugin import AccountId, Append, Content, FlagChange, LimitReached
from thurn_store_spool.account.tree import SUBSCRIPTIONS_PER_ACCOUNT
from thurn_store_spool.index.tree import read_tree

ALICE = AccountId("alice")
DEEP = "/".join(f"level {number}" for number in range(64))


async def test_what_is_made_is_known_as_it_is_read(bench):
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        index = account._index
        with index.snapshot() as connection:
            index.tree(connection)
        statements = []
        index.connect().exec_trace = lambda _, sql, __: statements.append(sql) or True
        await account.create(DEEP, special_use=["\\Sent", "\\Archive"])
        content = Content.of(b"Subject: x\r\n\r\n")
        await account.append(Append(DEEP, content, datetime(2026, 1, 1, tzinfo=UTC), ("$New",)))
        mailbox = await account.mailbox(DEEP)
        await mailbox.flag([1], FlagChange.ADD, [f"$k{number}" for number in range(50)])
        # With thousands of mailboxes each reading of all of them takes some 20 ms.
        assert not [one for one in statements if "FROM mailbox" in one and "special_use" in one]
        with index.snapshot() as connection:
            assert index.tree(connection) == read_tree(connection)


async def test_subscriptions_are_bounded(bench):
    async with bench.open() as store:
        account = await store.open(ALICE, None)
        await account.subscribe("first", True)
        (path,) = bench.directory.glob("**/index.db")
        connection = apsw.Connection(str(path))
        names = [(f"name {number}",) for number in range(SUBSCRIPTIONS_PER_ACCOUNT - 1)]
        with connection:
            connection.executemany("INSERT INTO subscription VALUES(?)", names)
        connection.close()
        with pytest.raises(LimitReached):
            await account.subscribe("one more", True)
        await account.subscribe("first", True)  # is subscribed
        await account.subscribe("name 7", False)
        await account.subscribe("one more", True)
        assert len(await account.subscriptions()) == SUBSCRIPTIONS_PER_ACCOUNT
