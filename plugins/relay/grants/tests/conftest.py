"""A context with a grant table and a directory of two accounts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from thurn.plugin import AccountId, AccountRecord
from thurn_kit.grants import GrantTable
from thurn_state_memory.state import MemoryState, Rows
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext, Given


class Accounts:
    """A directory that knows records, and whose addresses are whose."""

    def __init__(self):
        self.records = {name: AccountRecord(AccountId(name), None) for name in ("alice", "bob")}
        self.trouble = None

    async def account(self, account):
        if self.trouble:
            raise self.trouble
        return self.records.get(account)

    async def owns(self, account, address):
        if self.trouble:
            raise self.trouble
        shared = address.key == "team@example.org" and account in {"alice", "bob"}
        return shared or address.key == f"{account}@example.org"


@pytest.fixture
def site(tmp_path):
    clock = ManualClock()
    state, accounts = MemoryState(Rows(), clock), Accounts()
    context = FakeContext(tmp_path, clock=clock, given=Given(state=state, directory=accounts))
    table = GrantTable(state, clock)
    return SimpleNamespace(context=context, clock=clock, table=table, accounts=accounts)
