"""The conformance kit, with grants of every kind."""

from __future__ import annotations

from thurn_kit.grants import SessionSource, parse_source
from thurn_relay_grants.factory import GrantsSettings, grants
from thurn_testing.contracts.relay import check_relay
from thurn_testing.fakes.session import make_identity, make_session

WHY = {"reason": "why", "granted_by": "test", "lifetime_seconds": 60}


async def test_contract(site):
    login = make_session(identity=make_identity("alice"))
    await site.table.grant(SessionSource(login.id), account="alice", **WHY)
    await site.table.grant(parse_source("192.0.2.7"), account="alice", **WHY)
    await site.table.grant(parse_source("2001:db8::/48"), **WHY)
    permitted = [login, make_session(peer="192.0.2.7"), make_session(peer="2001:db8::5")]
    asked_on = [make_session(peer=None), make_session(peer="192.0.2.70", hello="192.0.2.7")]
    async with grants.open(GrantsSettings(), site.context) as policy:
        await check_relay(policy, permitted=permitted, asked_on=asked_on)
