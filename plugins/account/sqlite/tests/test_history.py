"""Every change has a line in the history, deletions that go along with others included."""

from __future__ import annotations

import pytest
from thurn_account_sqlite import listing
from thurn_account_sqlite.changes.account import delete_account
from thurn_account_sqlite.changes.alias import set_targets
from thurn_account_sqlite.changes.domain import delete_domain, set_domain
from thurn_account_sqlite.changes.grant import allow_acting


@pytest.fixture
def lines(opened, fill):
    """`async with opened() …; await lines(accounts, subject)`: action and facts, newest first."""

    async def lines(accounts, subject):
        found = await accounts.database.read(lambda c: listing.history(c, subject, 50))
        return [(one["action"], one["facts"]) for one in found]

    return lines


async def test_lines_for_what_is_deleted_with_an_account(opened, fill, change, lines):
    async with opened() as (accounts, _):
        await fill(accounts)
        await change(accounts, set_targets, "team@example.org", ["alice", "bob"])
        await change(accounts, set_targets, "only@example.org", ["bob"])
        await change(accounts, set_domain, "example.net", separator=None, postmaster="bob")
        owner = (1, "id", "alice")
        await change(accounts, allow_acting, owner, "bob")
        await change(accounts, delete_account, "bob")
        [newest, *_] = await lines(accounts, "team@example.org")
        assert newest == ("alias.set", {"targets": [["alice", "bob"], ["alice"]]})
        [newest, *_] = await lines(accounts, "example.net")
        assert newest == ("domain.changed", {"postmaster": ["bob", None]})
        everything = await lines(accounts, None)
        assert ("act_as.ended", {"target": "bob"}) in everything
        [deleted] = [facts for action, facts in everything if action == "account.deleted"]
        assert deleted["aliases"] == ["only@example.org"]


async def test_lines_for_what_is_deleted_with_a_domain(opened, fill, change, lines):
    async with opened() as (accounts, _):
        await fill(accounts)
        await change(accounts, delete_domain, "example.net", with_addresses=True)
        assert ("address.removed", {"address": "bob@example.net"}) in await lines(accounts, "bob")
