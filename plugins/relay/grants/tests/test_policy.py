"""What a grant permits, and when it stops."""

from __future__ import annotations

from dataclasses import replace

import pytest
from thurn.plugin import Accept, Address, Continue, Recipient, TemporaryFailure
from thurn_kit.grants import RELAYED_FOR, SessionSource, parse_source
from thurn_relay_grants.factory import GrantsSettings, grants
from thurn_testing.contracts.relay import ELSEWHERE
from thurn_testing.fakes.session import make_identity, make_session, make_transaction

PEER = parse_source("192.0.2.7")
WHY = {"reason": "POP3 login", "granted_by": "login.pbs", "lifetime_seconds": 60}


OWN = "alice@example.org"


async def judge(site, transaction, recipient=ELSEWHERE, **config):
    async with grants.open(GrantsSettings(**config), site.context) as policy:
        return await policy.may_relay(transaction, recipient)


async def ask(site, recipient=ELSEWHERE, *, sender=OWN, config=None, peer="192.0.2.7"):
    transaction = make_transaction(make_session(peer=peer), sender=sender)
    return await judge(site, transaction, recipient, **(config or {}))


async def test_the_journal_is_told_all_of_the_grant(site):
    await site.table.grant(PEER, account="alice", **WHY)
    assert await ask(site) == Accept(
        "relay.grant",
        "alice from 192.0.2.7, granted by login.pbs at 2025-06-15T15:06:40+00:00: POP3 login",
    )


async def test_it_is_looked_at_each_time_and_never_renewed(site):
    await site.table.grant(PEER, account="alice", **WHY)
    async with grants.open(GrantsSettings(), site.context) as policy:
        transaction = make_transaction(make_session(peer="192.0.2.7"), sender=OWN)
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
    decision = await ask(site, sender="team@example.org")
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


# --- senders


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("bob@example.org", "bob@example.org"),
        ("x@elsewhere.example", "x@elsewhere.example"),
        ("alice@example.org.elsewhere.example", "alice@example.org.elsewhere.example"),
        (None, "the null sender"),
    ],
)
async def test_a_bound_grant_is_for_the_account_s_own_addresses(site, sender, shown):
    await site.table.grant(PEER, account="alice", **WHY)
    assert await ask(site, sender=sender) == Continue(
        "relay.grant_sender",
        f"a grant of alice covers 192.0.2.7, but alice does not own {shown} (test.toml:2)",
    )
    assert isinstance(await ask(site, sender=sender, config={"enforce_sender": False}), Accept)


async def test_several_behind_one_address(site):
    for name in ("alice", "bob"):
        await site.table.grant(PEER, account=name, **WHY)
    for name in ("alice", "bob"):
        decision = await ask(site, sender=f"{name}@example.org")
        assert decision.detail.startswith(f"{name} from 192.0.2.7")
    decision = await ask(site, sender="x@elsewhere.example")
    assert decision.detail.startswith("grants of alice, bob cover 192.0.2.7, but none of them owns")


async def test_a_crowd_is_cut_short_in_the_journal(site):
    for number in range(12):
        await site.table.grant(PEER, account=f"u{number:02}", **WHY)
    decision = await ask(site)
    assert "and 2 more cover" in decision.detail
    assert decision.detail.count("u") < 20


async def test_an_enabled_account_beside_a_locked_one(site):
    for name in ("alice", "bob"):
        await site.table.grant(PEER, account=name, **WHY)
    site.accounts.records["alice"] = replace(site.accounts.records["alice"], enabled=False)
    transaction = make_transaction(make_session(peer="192.0.2.7"), sender="team@example.org")
    assert isinstance(await judge(site, transaction), Accept)
    assert transaction.stash[RELAYED_FOR] == {"bob"}


async def test_a_login_is_held_to_its_own_senders_as_well(site):
    session = make_session(peer="192.0.2.7", identity=make_identity("alice"))
    await site.table.grant(SessionSource(session.id), account="alice", **WHY)
    assert isinstance(await judge(site, make_transaction(session, sender=OWN)), Accept)
    decision = await judge(site, make_transaction(session, sender="bob@example.org"))
    assert decision.reason == "relay.grant_sender"


@pytest.mark.parametrize("sender", ["x@elsewhere.example", "alice@example.org", None])
async def test_a_grant_for_anybody_asks_for_no_sender(site, sender):
    await site.table.grant(PEER, account="alice", **WHY)
    await site.table.grant(parse_source("192.0.2.0/24"), **WHY)
    transaction = make_transaction(make_session(peer="192.0.2.7"), sender=sender)
    decision = await judge(site, transaction)
    assert decision.detail.startswith("anybody from 192.0.2.0/24")
    assert transaction.stash.get(RELAYED_FOR) is None


async def test_the_transaction_is_marked_with_the_accounts(site):
    await site.table.grant(PEER, account="alice", destinations=["a.example"], **WHY)
    await site.table.grant(PEER, account="bob", destinations=["b.example"], **WHY)
    transaction = make_transaction(make_session(peer="192.0.2.7"), sender="team@example.org")
    for domain, accounts in (("c", None), ("a", {"alice"}), ("b", {"alice", "bob"})):
        await judge(site, transaction, Recipient(Address.parse(f"x@{domain}.example")))
        assert transaction.stash.get(RELAYED_FOR) == accounts
    # Without the check of senders any of them may be meant.
    await site.table.grant(PEER, account="bob", **WHY)
    other = make_transaction(make_session(peer="192.0.2.7"), sender="x@elsewhere.example")
    await judge(site, other, Recipient(Address.parse("x@a.example")), enforce_sender=False)
    assert other.stash.get(RELAYED_FOR) == {"alice", "bob"}


async def test_a_transaction_is_not_marked_if_nothing_is_permitted(site):
    await site.table.grant(PEER, account="alice", **WHY)
    transaction = make_transaction(make_session(peer="192.0.2.7"), sender="bob@example.org")
    await judge(site, transaction)
    assert transaction.stash.get(RELAYED_FOR) is None
