"""The sample site of the conformance kit in a database, and commands run as `thurn` runs them."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio
from click.testing import CliRunner
from thurn_account_sqlite import accounts as accounts_module
from thurn_account_sqlite.changes.account import Properties, add_account
from thurn_account_sqlite.changes.alias import set_targets
from thurn_account_sqlite.changes.change import Change
from thurn_account_sqlite.changes.credential import set_main
from thurn_account_sqlite.changes.domain import add_domain
from thurn_account_sqlite.commands import site as site_module
from thurn_account_sqlite.factory import sqlite
from thurn_account_sqlite.settings import SqliteSettings
from thurn_account_sqlite.stored import make_stored
from thurn_kit.accounts import NOBODY
from thurn_testing.contracts.account import SAMPLE
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext


@pytest.fixture(scope="session")
def stored():
    """The stored forms of the sample's passwords; made once."""
    schemes = ("SCRAM-SHA-256", "SCRAM-SHA-1")
    return {a.name: make_stored(a.password, schemes, 4096) for a in SAMPLE.accounts}


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def opened(tmp_path, clock):
    """`async with opened(**settings) as (accounts, context)`; a second one is another worker."""

    @asynccontextmanager
    async def opened(name="main", **settings):
        context = FakeContext(tmp_path / name, name=f"account.{name}", clock=clock)
        async with sqlite.open(SqliteSettings(**settings), context) as accounts:
            yield accounts, context

    return opened


@pytest.fixture
def change(clock):
    """`await change(accounts, function, *arguments)`."""

    async def change(accounts, function, *arguments, **named):
        def work(connection):
            return function(Change(connection, "tester", clock.wall()), *arguments, **named)

        return await accounts.database.write(work)

    return change


@pytest.fixture
def fill(stored, change):
    """The sample of the kit."""

    def everything(change):
        for domain in SAMPLE.domains:
            add_domain(change, domain, separator=None, postmaster=None)
        for a in SAMPLE.accounts:
            new = Properties(
                a.name, a.display_name, a.enabled, a.services, a.groups, a.quota_octets
            )
            owner = (*add_account(change, new, a.addresses), a.name)
            set_main(change, owner, stored[a.name])
        for name, targets in SAMPLE.aliases.items():
            set_targets(change, name, targets)

    async def fill(accounts):
        await change(accounts, everything)

    return fill


class Site:
    """The part of `CommandSite` that a command needs."""

    def __init__(self, clock, instances):
        self.clock = clock
        self._instances = instances

    def instances(self, role):
        assert role == "account"
        return self._instances

    def names(self, role):
        assert role == "store"
        return ["main", "big"]


class Opener:
    """Opens the instances as the host does."""

    def __init__(self, opened, clock, names):
        self._opened, self._clock, self._names = opened, clock, names

    def run(self, action, *, config, roles):
        assert roles == ("account",)
        return trio.run(self._run, action)

    async def _run(self, action):
        async def nested(names, found):
            if not names:
                return await action(Site(self._clock, found))
            async with self._opened(names[0], **self._names[names[0]]) as (accounts, _):
                return await nested(names[1:], [*found, (names[0], accounts)])

        return await nested([*self._names], [])


@pytest.fixture
def thurn(opened, clock, monkeypatch):
    """`thurn(command, "add", "alice", input="…")` runs a command and returns its output."""
    monkeypatch.setattr(site_module, "caller", lambda: "tester")

    def thurn(command, *arguments, input="", fails=False, names=None):  # noqa: A002 - click's name
        opener = Opener(opened, clock, names or {"main": {"password_characters": 3}})
        result = CliRunner().invoke(command, arguments, obj=opener, input=input)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert (result.exit_code != 0) == fails, result.output
        return result.output

    return thurn


@pytest.fixture
def quick(monkeypatch):
    """A counter of computed hashes."""
    counted = []
    real = accounts_module.PasswordHash.matches

    def matches(self, password):
        counted.append(self.value == NOBODY.value)
        return real(self, password)

    monkeypatch.setattr(accounts_module.PasswordHash, "matches", matches)
    return counted
