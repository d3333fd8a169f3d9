"""What a grant permits, and when it stops."""

from __future__ import annotations

from dataclasses import replace

import pytest
from thurn.plugin import Accept, Address, Recipient
from thurn.plugin.grants import parse_source
from thurn.types.errors import TemporaryFailure
from thurn_relay_grants.factory import GrantsSettings, grants
from thurn_testing.contracts.relay import ELSEWHERE
from thurn_testing.fakes.session import make_session, make_transaction

PEER = parse_source("192.0.2.7")
WHY = {"reason": "POP3 login", "granted_by": "login.pbs", "lifetime_seconds": 60}


async def ask(site, recipient=ELSEWHERE, *, config=None, peer="192.0.2.7"):
    async with grants.open(GrantsSettings(**(config or {})), site.context) as policy:
        return await policy.may_relay(make_transaction(make_session(peer=peer)), recipient)


async def test_the_journal_is_told_all_of_the_grant(site):
    await site.table.grant(PEER, account="alice", **WHY)
    assert await ask(site) == Accept(
        "relay.grant",
        "alice from 192.0.2.7, granted by login.pbs at 2025-06-15T15:06:40+00:00: POP3 login",
    )


async def test_it_is_looked_at_each_time_and_never_renewed(site):
    await site.table.grant(PEER, account="alice", **WHY)
    async with grants.open(GrantsSettings(), site.context) as policy:
        transaction = make_transaction(make_session(peer="192.0.2.7"))
        for _ in range(6):
            assert await policy.may_relay(transaction, ELSEWHERE)
            site.clock.advance(9.9)
        site.clock.advance(0.6)
        assert await policy.may_relay(transaction, ELSEWHERE) is None
        await site.table.grant(PEER, account="alice", **WHY)
        assert await policy.may_relay(transaction, ELSEWHERE)
        await site.table.revoke(PEER)
        assert await policy.may_relay(transaction, ELSEWHERE) is None


async def test_destinations(site):
    await site.table.grant(PEER, destinations=["a.example", "*.b.example"], **WHY)
    for domain, permitted in (("a.example", 1), ("x.b.example", 1), ("b.example", 0)):
        recipient = Recipient(Address.parse(f"x@{domain}"))
        assert bool(await ask(site, recipient)) == bool(permitted), domain


async def test_the_first_that_reaches_counts(site):
    await site.table.grant(PEER, account="alice", destinations=["a.example"], **WHY)
    await site.table.grant(PEER, account="bob", **WHY)
    decision = await ask(site)
    assert decision.detail.startswith("bob ")


@pytest.mark.parametrize(
    "change", [{"enabled": False}, {"services": frozenset({"pop3"})}, None], ids=str
)
async def test_the_account_must_still_be_good(site, change):
    await site.table.grant(PEER, account="alice", **WHY)
    if change is None:
        del site.accounts.records["alice"]
    else:
        site.accounts.records["alice"] = replace(site.accounts.records["alice"], **change)
    assert await ask(site) is None


async def test_an_account_that_may_use_smtp(site):
    await site.table.grant(PEER, account="alice", **WHY)
    record = site.accounts.records["alice"]
    site.accounts.records["alice"] = replace(record, services=frozenset({"smtp", "pop3"}))
    assert await ask(site)


async def test_trouble_is_no_answer(site):
    await site.table.grant(PEER, account="alice", **WHY)
    site.accounts.trouble = TemporaryFailure("directory")
    with pytest.raises(TemporaryFailure):
        await ask(site)


async def test_only_these_grantors(site):
    await site.table.grant(PEER, account="alice", **WHY)
    assert await ask(site, config={"granted_by": ["relay.networks"]}) is None
    assert await ask(site, config={"granted_by": ["login.pbs"]})
