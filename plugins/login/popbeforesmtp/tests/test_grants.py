"""Which logins grant, what they grant, and for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
from pydantic import ValidationError
from thurn.plugin import LoginAttempt, TemporaryFailure
from thurn_kit.grants import GrantTable
from thurn_login_popbeforesmtp.factory import PopBeforeSmtpSettings, popbeforesmtp
from thurn_state_memory.state import MemoryState, Rows
from thurn_testing.fakes.account import Names
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext, Given
from thurn_testing.fakes.session import make_identity, make_session

ALICE = make_identity("alice", groups=frozenset({"staff"}))
PLAIN = replace(ALICE, secured=False)


class Site:
    """An instance of the plugin, and the grant table that it writes."""

    def __init__(self, base, state=None):
        self.clock = ManualClock()
        self.state = state or MemoryState(Rows(), self.clock)
        self.context = FakeContext(
            base,
            name="login.pbs",
            clock=self.clock,
            given=Given(state=self.state, directory=Names({"alice@example.org": "alice"})),
        )
        self.table = GrantTable(self.state, self.clock)

    def open(self, **settings):
        return popbeforesmtp.open(PopBeforeSmtpSettings(**settings), self.context)

    async def rows(self):
        return sorted((str(g.source), g.account) for g in await self.table.entries())


async def login(policy, *, peer="192.0.2.7", protocol="pop3", identity=ALICE):
    session = make_session(peer=peer, protocol=protocol)
    attempt = LoginAttempt(session, "alice", "PLAIN")
    assert await policy.before_login(attempt) is None
    assert await policy.after_login(attempt, identity) is None
    if identity is not None:
        await policy.record_login(attempt, identity)
    return session


async def test_a_login_that_another_policy_may_forbid_grants_nothing_yet(tmp_path):
    site = Site(tmp_path)
    async with site.open() as policy:
        attempt = LoginAttempt(make_session(peer="192.0.2.7", protocol="pop3"), "alice", "PLAIN")
        assert await policy.after_login(attempt, ALICE) is None
        assert await site.rows() == []
        await policy.record_login(attempt, ALICE)
        assert await site.rows() == [("192.0.2.7", "alice")]


async def test_a_login_grants_its_exact_address_to_its_account(tmp_path):
    site = Site(tmp_path)
    async with site.open() as policy:
        session = await login(policy)
        [grant] = await site.table.entries()
        assert (str(grant.source), grant.account, grant.destinations) == ("192.0.2.7", "alice", ())
        assert grant.granted_by == "login.pbs"
        assert grant.reason == f"pop3 login (PLAIN, TLS), session {session.id}"
        assert grant.remaining_seconds == 1800


async def test_only_logins_renew(tmp_path):
    site = Site(tmp_path)
    async with site.open(interval="10m") as policy:
        await login(policy)
        site.clock.advance(500)
        await login(policy, identity=None)
        [grant] = await site.table.entries()
        assert grant.remaining_seconds == 100
        await login(policy)
        [grant] = await site.table.entries()
        assert grant.remaining_seconds == 600
        site.clock.advance(600)
        assert await site.rows() == []


async def test_several_accounts_behind_one_address(tmp_path):
    site = Site(tmp_path)
    async with site.open() as policy:
        await login(policy)
        await login(policy, identity=make_identity("bob"), protocol="imap")
    assert await site.rows() == [("192.0.2.7", "alice"), ("192.0.2.7", "bob")]


@pytest.mark.parametrize(
    ("settings", "how", "granted"),
    [
        ({}, {"identity": None}, False),
        ({}, {"peer": None}, False),
        ({}, {"protocol": "smtp"}, False),
        ({}, {"protocol": "imap"}, True),
        ({}, {"protocol": "managesieve"}, False),
        ({}, {"identity": PLAIN}, True),
        ({}, {"peer": "127.0.0.1"}, True),
        ({}, {"peer": "::ffff:192.0.2.7"}, True),
        ({"protocols": ["imap"]}, {}, False),
        ({"require_tls": True}, {"identity": PLAIN}, False),
        ({"require_tls": True}, {}, True),
        ({"accounts": ["bob"]}, {}, False),
        ({"accounts": ["alice@example.org"]}, {}, True),
        ({"accounts": ["alice"]}, {}, True),
        ({"groups": ["board"]}, {}, False),
        ({"groups": ["staff"]}, {}, True),
        ({"accounts": []}, {}, False),
        ({"never": ["127.0.0.0/8", "::1"]}, {"peer": "127.0.0.1"}, False),
        ({"never": ["192.0.2.0/24"]}, {"peer": "::ffff:192.0.2.7"}, False),
        ({"never": ["192.0.2.0/24"]}, {"peer": "192.0.3.7"}, True),
    ],
)
async def test_which_logins_grant(tmp_path, settings, how, granted):
    site = Site(tmp_path)
    async with site.open(**settings) as policy:
        await login(policy, **how)
    assert len(await site.rows()) == granted


async def test_an_ipv6_grant_is_for_the_exact_address(tmp_path):
    site = Site(tmp_path)
    async with site.open() as policy:
        await login(policy, peer="2001:db8::1")
    assert not await site.table.find(make_session(peer="2001:db8::2"))
    assert await site.table.find(make_session(peer="2001:db8::1"))


class Broken:
    """A state whose tables fail, or never answer."""

    def __init__(self, *, hangs=False):
        self.hangs = hangs

    def table(self, name):
        return self

    async def get(self, key):
        if self.hangs:
            await trio.sleep_forever()
        raise TemporaryFailure("broken")


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_login_proceeds_without_a_grant_if_the_table_fails(tmp_path, hangs, autojump_clock):
    site = Site(tmp_path, Broken(hangs=hangs))
    async with site.open() as policy:
        await login(policy)
    assert site.context.diagnostics.events == ["relay.grant_failed"]


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_login_is_refused_if_the_table_fails_and_the_site_says_so(
    tmp_path, hangs, autojump_clock
):
    site = Site(tmp_path, Broken(hangs=hangs))
    async with site.open(on_trouble="refuse") as policy:
        with pytest.raises(TemporaryFailure):
            await login(policy)


@pytest.mark.parametrize("interval", ["0s", "2d", 5])
def test_intervals_out_of_bounds_are_refused(interval):
    with pytest.raises(ValidationError):
        PopBeforeSmtpSettings(interval=interval)
