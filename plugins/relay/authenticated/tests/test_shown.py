"""The row in the grant table: one for a session, useless to others, left out if the table fails."""

from __future__ import annotations

import pytest
import trio
from thurn.plugin import TemporaryFailure
from thurn_kit.grants import GrantTable, SessionSource
from thurn_relay_authenticated.factory import AuthenticatedSettings, authenticated
from thurn_state_memory.state import MemoryState, Rows
from thurn_testing.contracts.relay import ELSEWHERE
from thurn_testing.fakes.account import Names
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext, Given
from thurn_testing.fakes.session import make_identity, make_session, make_transaction


class Site:
    """An instance of the plugin, and the grant table that it writes."""

    def __init__(self, base, state=None):
        self.clock = ManualClock()
        self.state = state or MemoryState(Rows(), self.clock)
        self.context = FakeContext(
            base,
            name="relay.logins",
            clock=self.clock,
            given=Given(state=self.state, directory=Names({})),
        )
        self.table = GrantTable(self.state, self.clock)

    async def send(self, session, **settings):
        config = AuthenticatedSettings(**settings)
        async with authenticated.open(config, self.context) as policy:
            return await policy.may_relay(make_transaction(session), ELSEWHERE)


async def test_one_row_for_a_session(tmp_path):
    site, session = Site(tmp_path), make_session(identity=make_identity("alice"))
    assert await site.send(session)
    [row] = await site.table.entries()
    assert (row.source, row.account) == (SessionSource(session.id, "203.0.113.9"), "alice")
    assert (row.granted_by, row.reason) == ("relay.logins", "login by PLAIN")
    assert await site.table.find(make_session(peer="203.0.113.9")) == []
    site.clock.advance(599)
    assert await site.send(session)
    assert [row.remaining_seconds for row in await site.table.entries()] == [1]
    site.clock.advance(1)
    assert await site.send(session)
    assert [row.remaining_seconds for row in await site.table.entries()] == [600]


@pytest.mark.parametrize("settings", [{"show": False}, {"accounts": []}])
async def test_no_row(tmp_path, settings):
    site, session = Site(tmp_path), make_session(identity=make_identity("alice"))
    await site.send(session, **settings)
    assert await site.table.entries() == []


async def test_a_process_that_does_not_serve_writes_no_row(tmp_path):
    site, session = Site(tmp_path), make_session(identity=make_identity("alice"))
    site.context.serving = False
    assert await site.send(session)
    assert await site.table.entries() == []


class Broken:
    """A state whose tables fail, or never answer."""

    def __init__(self, *, hangs=False):
        self.hangs, self.asked = hangs, 0

    def table(self, name):
        return self

    async def get(self, key):
        self.asked += 1
        if self.hangs:
            await trio.sleep_forever()
        raise TemporaryFailure("broken")


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_failing_table_changes_nothing(tmp_path, hangs, autojump_clock):
    state = Broken(hangs=hangs)
    site, session = Site(tmp_path, state), make_session(identity=make_identity("alice"))
    for _ in range(3):
        assert await site.send(session)
    assert state.asked == 1
