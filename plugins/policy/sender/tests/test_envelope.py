"""The check of MAIL FROM, for logins, for grants and from outside."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from thurn.plugin import AccountId, Continue, Reject
from thurn_policy_sender.envelope import sender_policy
from thurn_policy_sender.settings import EnvelopeSettings
from thurn_policy_sender.standing import COVERED
from thurn_testing.fakes.context import FakeContext, Given
from thurn_testing.fakes.session import make_identity, make_session, make_transaction

HERE, ELSEWHERE = "198.51.100.7", "203.0.113.50"
WHY = {"reason": "POP3 login", "granted_by": "login.pop", "lifetime_seconds": 1800}


async def ask(policy, sender, session=None, **more):
    session = session or make_session(identity=make_identity("alice", **more))
    transaction = make_transaction(session, sender=sender)
    return await policy.check_sender(transaction, transaction.sender)


@pytest.mark.parametrize(
    "sender",
    [
        "alice@example.org",
        "ALICE@Example.ORG",
        "a.lice@example.org",
        "sales@example.net",
        "alice+list@example.org",
        '"alice"@example.org',
    ],
)
async def test_own_addresses(envelope, sender):
    async with envelope() as policy:
        assert await ask(policy, sender) is None


@pytest.mark.parametrize(
    "sender",
    [
        "bob@example.org",
        "nobody@example.org",
        "someone@elsewhere.example",
        "alice@example.com",
        "alice@sub.example.org",
        "alice@example.org.elsewhere.example",
        "alice%example.org@x.example",
        '"alice@example.org"@x.example',
        "list@example.org",
        "alice@[127.0.0.1]",
        "postmaster@example.org",
        "alice@backup.example",
    ],
)
async def test_addresses_of_others(envelope, sender):
    async with envelope() as policy:
        decision = await ask(policy, sender)
        assert isinstance(decision, Reject)
        assert (decision.code, decision.enhanced) == (553, "5.7.1")
        assert decision.reason == "sender.foreign"
        assert "not owned by alice (test.toml:2)" in decision.detail
        assert "@" not in decision.text


async def test_the_null_sender(envelope):
    async with envelope() as policy:
        decision = await ask(policy, None)
        assert (decision.reason, decision.code, decision.enhanced) == ("sender.null", 550, "5.7.1")
        # Bounces from outside have no sender. RFC 5321 §6.1.
        assert await ask(policy, None, make_session()) is None
    async with envelope(null_sender="allow") as policy:
        assert await ask(policy, None) is None


async def test_only_logged(envelope):
    async with envelope(mode="log") as policy:
        decision = await ask(policy, "bob@example.org")
        assert isinstance(decision, Continue)
        assert decision.reason == "sender.foreign"
        assert "bob@example.org" in decision.detail


async def test_exemptions(envelope):
    async with envelope(exempt_accounts=["robot"], exempt_groups=["staff"]) as policy:
        staff = make_session(identity=make_identity("alice", groups=frozenset({"staff", "x"})))
        robot = make_session(identity=make_identity("robot"))
        for session in (staff, robot):
            assert await ask(policy, "anybody@elsewhere.example", session) is None
            assert await ask(policy, None, session) is None
        assert await ask(policy, "bob@example.org") is not None


# --- grants (POP-before-SMTP)


@pytest.mark.parametrize(
    "sender", ["alice@example.org", "bob@example.org", "x@elsewhere.example", None]
)
async def test_a_grant_holds_nobody_before_anything_is_relayed(envelope, table, sender):
    await table.grant(ip_address(HERE), account=AccountId("alice"), **WHY)
    async with envelope() as policy:
        assert await ask(policy, sender, make_session(peer=HERE)) is None


async def test_a_login_counts_more_than_a_grant(envelope, table):
    await table.grant(ip_address(HERE), account=AccountId("bob"), **WHY)
    async with envelope(protect_local=True) as policy:
        session = make_session(peer=HERE, identity=make_identity("alice"))
        assert await ask(policy, "alice@example.org", session) is None
        assert (await ask(policy, "bob@example.org", session)).code == 553


async def test_the_table_is_not_asked_in_vain(envelope, context):
    async with envelope() as policy:
        transaction = make_transaction(make_session(peer=HERE))
        await policy.check_sender(transaction, transaction.sender)
        assert transaction.stash.get(COVERED) is None


async def test_protected_senders_of_the_granted_account(envelope, table):
    await table.grant(ip_address(HERE), account=AccountId("alice"), **WHY)
    async with envelope(protect_local=True) as policy:
        here, elsewhere = make_session(peer=HERE), make_session(peer=ELSEWHERE)
        for sender in ("alice@example.org", "sales@example.net", "x@elsewhere.example", None):
            assert await ask(policy, sender, here) is None
        for sender in ("bob@example.org", "nobody@example.org", "list@example.org"):
            decision = await ask(policy, sender, here)
            assert (decision.reason, decision.code) == ("sender.local_outside", 550)
        for session in (elsewhere, make_session(peer="2001:db8::1")):
            decision = await ask(policy, "alice@example.org", session)
            assert decision.reason == "sender.local_outside"


async def test_protected_senders_of_several_behind_one_address(envelope, table):
    for name in ("alice", "bob"):
        await table.grant(ip_address(HERE), account=AccountId(name), **WHY)
    async with envelope(protect_local=True) as policy:
        here = make_session(peer=HERE)
        for name in ("alice", "bob"):
            assert await ask(policy, f"{name}@example.org", here) is None
        assert await ask(policy, "nobody@example.org", here) is not None


async def test_a_grant_ends(envelope, table, context):
    await table.grant(ip_address(HERE), account=AccountId("alice"), **WHY)
    async with envelope(protect_local=True) as policy:
        context.clock.advance(1800)
        assert await ask(policy, "alice@example.org", make_session(peer=HERE)) is not None


async def test_exempt_accounts_need_a_login(envelope, table):
    await table.grant(ip_address(HERE), account=AccountId("alice"), **WHY)
    async with envelope(exempt_accounts=["alice"], protect_local=True) as policy:
        decision = await ask(policy, "bob@example.org", make_session(peer=HERE))
        assert decision.reason == "sender.local_outside"


async def test_grants_may_be_left_out(envelope, table):
    await table.grant(ip_address(HERE), account=AccountId("alice"), **WHY)
    async with envelope(grants=False, protect_local=True) as policy:
        assert await ask(policy, "alice@example.org", make_session(peer=HERE)) is not None


@pytest.mark.parametrize("destinations", [(), ("partner.example",)])
async def test_a_grant_for_anybody_makes_a_host_of_ours(envelope, table, destinations):
    await table.grant(ip_network("198.51.100.0/24"), destinations=destinations, **WHY)
    await table.grant(ip_address(HERE), account=AccountId("alice"), **WHY)
    async with envelope(protect_local=True) as policy:
        assert await ask(policy, "bob@example.org", make_session(peer=HERE)) is None
        assert await ask(policy, "x@elsewhere.example", make_session(peer=HERE)) is None


# --- outside


@pytest.mark.parametrize("sender", ["alice@example.org", "nobody@example.net", "list@example.org"])
async def test_local_senders_from_outside(envelope, sender):
    async with envelope() as policy:
        assert await ask(policy, sender, make_session()) is None
    async with envelope(protect_local=True) as policy:
        decision = await ask(policy, sender, make_session())
        assert (decision.code, decision.enhanced) == (550, "5.7.1")
        assert decision.reason == "sender.local_outside"
        assert sender in decision.detail


async def test_others_from_outside(envelope):
    async with envelope(protect_local=True, exempt_networks=["192.0.2.0/24"]) as policy:
        for sender in ("x@elsewhere.example", None, "x@backup.example"):
            assert await ask(policy, sender, make_session()) is None
        for near in (make_session(peer=None), make_session(peer="192.0.2.9")):
            assert await ask(policy, "alice@example.org", near) is None


async def test_a_site_without_state(tmp_path, directory):
    context = FakeContext(tmp_path, given=Given(directory=directory))
    async with sender_policy.open(EnvelopeSettings(), context) as policy:
        assert await ask(policy, "bob@example.org", make_session()) is None
        assert (await ask(policy, "bob@example.org")).code == 553


async def test_a_failure_is_raised(envelope, directory):
    """The host answers it with a temporary refusal."""
    directory.down = True
    async with envelope() as policy:
        with pytest.raises(OSError, match="down"):
            await ask(policy, "alice@example.org")
