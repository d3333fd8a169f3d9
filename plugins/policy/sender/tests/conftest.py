"""A directory of a small site, and both checks opened on it."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from thurn.plugin import AccountId, AccountRecord, Address, Alias, Local, Route, UnknownAddress
from thurn_kit.grants import GrantTable
from thurn_policy_sender.envelope import sender_policy
from thurn_policy_sender.header import sender_filter
from thurn_policy_sender.settings import EnvelopeSettings, HeaderSettings
from thurn_state_memory.state import MemoryState, Rows
from thurn_testing.fakes.context import FakeContext, Given

OWN = {
    "alice": ("alice@example.org", "a.lice@example.org", "sales@example.net"),
    "bob": ("bob@example.org",),
    "umlaut": ("jörg@example.org",),
}
NAMES = {"alice": "Alice Adams", "bob": "Bob", "umlaut": "Jörg"}


class SmallDirectory:
    """example.org and example.net are ours, backup.example is passed on."""

    def __init__(self):
        self.asked = 0
        self.down = False

    def _owner(self, address):
        key = Address(address.local.partition("+")[0], address.domain).key
        return next((name for name, own in OWN.items() if key in own), None)

    async def resolve(self, address):
        if self.down:
            raise OSError("the directory is down")
        if address.domain == "backup.example":
            return Route("mx.backup.example", address)
        if address.key == "list@example.org":
            return Alias((Address.parse("alice@example.org"), Address.parse("bob@example.org")))
        owner = self._owner(address)
        if owner is not None:
            return Local(AccountId(owner))
        return UnknownAddress(address.domain in ("example.org", "example.net"))

    async def account(self, account):
        if account not in OWN:
            return AccountRecord(account, None)
        own = tuple(Address.parse(text) for text in OWN[account])
        return AccountRecord(account, own[0], own, NAMES[account])

    async def owns(self, account, address):
        self.asked += 1
        if self.down:
            raise OSError("the directory is down")
        return self._owner(address) == account

    async def may_act_as(self, authcid, authzid): ...


@pytest.fixture
def directory():
    return SmallDirectory()


@pytest.fixture
def context(tmp_path, directory):
    made = FakeContext(tmp_path, name="policy.sender")
    state = MemoryState(Rows(), made.clock)
    given = Given(state=state, directory=directory)
    return FakeContext(tmp_path, name="policy.sender", clock=made.clock, given=given)


@pytest.fixture
def table(context):
    return GrantTable(context.state, context.clock)


@pytest.fixture
def envelope(context):
    @asynccontextmanager
    async def opened(**settings):
        async with sender_policy.open(EnvelopeSettings(**settings), context) as policy:
            yield policy

    return opened


@pytest.fixture
def header(context):
    @asynccontextmanager
    async def opened(**settings):
        async with sender_filter.open(HeaderSettings(**settings), context) as checked:
            yield checked

    return opened
