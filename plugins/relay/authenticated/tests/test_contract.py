"""The conformance kit, with and without restrictions."""

from __future__ import annotations

import pytest
from thurn_relay_authenticated.factory import AuthenticatedSettings, authenticated
from thurn_testing.contracts.relay import ELSEWHERE, check_relay
from thurn_testing.fakes.account import Names
from thurn_testing.fakes.context import FakeContext, Given
from thurn_testing.fakes.session import TLS, make_identity, make_session, make_transaction

ALICE = make_session(identity=make_identity("alice"), tls=TLS)
BOB = make_session(identity=make_identity("bob", groups=frozenset({"staff"})), peer="::1")
HERE = make_session(peer="127.0.0.1", hello="alice")
SOCKET = make_session(peer=None)


@pytest.mark.parametrize(
    ("settings", "permitted", "asked_on"),
    [
        ({}, [ALICE, BOB], []),
        ({"accounts": ["alice"]}, [ALICE], [BOB]),
        ({"accounts": ["alice@example.org", "nobody"]}, [ALICE], [BOB]),
        ({"groups": ["staff", "board"]}, [BOB], [ALICE]),
        ({"accounts": ["alice"], "groups": ["staff"]}, [ALICE, BOB], []),
        ({"accounts": []}, [], [ALICE, BOB]),
        ({"groups": []}, [], [ALICE, BOB]),
    ],
)
async def test_contract(tmp_path, settings, permitted, asked_on):
    config = AuthenticatedSettings(**settings)
    given = Given(directory=Names({"alice@example.org": "alice"}))
    async with authenticated.open(config, FakeContext(tmp_path, given=given)) as policy:
        await check_relay(policy, permitted=permitted, asked_on=[*asked_on, HERE, SOCKET])


async def test_the_reason_is_stable(tmp_path):
    context = FakeContext(tmp_path, given=Given(directory=Names({})))
    async with authenticated.open(AuthenticatedSettings(), context) as policy:
        decision = await policy.may_relay(make_transaction(ALICE), ELSEWHERE)
        assert decision.reason == "relay.authenticated"


@pytest.mark.parametrize("facts", [{"enabled": False}, {"services": frozenset({"imap"})}])
async def test_an_account_that_was_locked_since_its_login_cannot_send(tmp_path, facts):
    directory = Names({"alice": "alice"})
    context = FakeContext(tmp_path, given=Given(directory=directory))
    async with authenticated.open(AuthenticatedSettings(), context) as policy:
        assert await policy.may_relay(make_transaction(ALICE), ELSEWHERE)
        directory.facts = facts
        assert await policy.may_relay(make_transaction(ALICE), ELSEWHERE) is None
