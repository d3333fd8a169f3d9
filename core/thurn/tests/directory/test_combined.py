"""Several account instances as one: whom the first knows, no other proves."""

from __future__ import annotations

import pytest
import trio
from thurn.chain.calls import POOLED_SECONDS
from thurn.contracts.account import (
    Alias,
    Claim,
    Denied,
    StoredKey,
    StoredKeyQuery,
    Unknown,
    Verified,
)
from thurn.directory.combined import ACCOUNT_SECONDS, CombinedAccounts
from thurn.plugin import Secret
from thurn.types.address import Address
from thurn.types.errors import TemporaryFailure
from thurn.types.identity import AccountId
from thurn_testing.fakes.supervision import make_supervision, supervised

KEY = StoredKey(AccountId("ann"), Secret("key"))
QUERY = StoredKeyQuery("ann", "SCRAM-SHA-256")
CLAIM = Claim("ann", Secret("right"))


def combined(products):
    instances = [supervised(one, f"account.{number}") for number, one in enumerate(products)]
    return CombinedAccounts(instances, make_supervision())


class Instance:
    def __init__(self, verdict, key):
        self.verdict, self.key = verdict, key

    async def verify(self, claim):
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict

    async def stored_key(self, query):
        if isinstance(self.key, Exception):
            raise self.key
        return self.key


SECOND = Instance(Verified(AccountId("ann")), KEY)


@pytest.mark.parametrize(
    ("first", "verdict", "key"),
    [
        (Instance(Denied(), Denied()), Denied(), Denied()),
        (Instance(Unknown(), Unknown()), SECOND.verdict, KEY),
    ],
)
async def test_the_first_that_knows_the_name_answers(first, verdict, key):
    accounts = combined([first, SECOND])
    assert await accounts.verify(CLAIM) == verdict
    assert await accounts.stored_key(QUERY) == key


async def test_trouble_never_falls_through():
    down = TemporaryFailure("down")
    accounts = combined([Instance(down, down), SECOND])
    with pytest.raises(TemporaryFailure):
        await accounts.verify(CLAIM)
    with pytest.raises(TemporaryFailure):
        await accounts.stored_key(QUERY)


class Discreet(Instance):
    """Spends work on names that nobody has."""

    def __init__(self, verdict):
        super().__init__(verdict, Unknown())
        self.spent = []

    async def verify_nobody(self, claim):
        self.spent.append(claim)


async def test_the_work_is_spent_once_where_nobody_knows_the_name():
    plain, first, second = SECOND, Discreet(Unknown()), Discreet(Unknown())
    assert await combined([first, second]).verify(CLAIM) == Unknown()
    assert (first.spent, second.spent) == ([CLAIM], [])
    assert await combined([first, plain]).verify(CLAIM) == SECOND.verdict
    assert first.spent == [CLAIM]
    assert await combined([Instance(Unknown(), Unknown())]).verify(CLAIM) == Unknown()


class Directory:
    """Answers what a test wrote down, whatever it is asked."""

    def __init__(self, answer, seconds=0.0):
        self.answer, self.seconds = answer, seconds

    async def resolve(self, address):
        await trio.sleep(self.seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    account = owns = may_act_as = resolve


ADDRESS = Address.parse("alice@example.org")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (None, "answered nonsense: None"),
        ("alice", "answered nonsense: 'alice'"),
        (Alias(("alice",)), "a target is not an Address"),
        (KeyError("x"), "raised KeyError: 'x'"),
    ],
)
async def test_a_directory_that_breaks_its_contract_is_trouble_and_named(answer, told):
    supervision = make_supervision()
    directory = CombinedAccounts([supervised(Directory(answer), "account.main")], supervision)
    with pytest.raises(TemporaryFailure, match=told):
        await directory.resolve(ADDRESS)
    [failed] = [line for line in supervision.diagnostics.lines if line.level == "error"]
    assert (failed.event, failed.facts["plugin"]) == ("plugin.failed", "account.main")
    assert ":" in failed.facts["source"]


async def test_a_directory_that_does_not_answer_cuts_a_session_and_is_trouble_then(autojump_clock):
    """Until then it is only watched, in the task of whoever asks."""
    supervision = make_supervision()
    one = supervised(Directory(None, 1000.0), "account.main")
    directory = CombinedAccounts([one], supervision)
    with trio.CancelScope() as session:
        supervision.calls.sessions[trio.lowlevel.current_task()] = session.cancel
        await directory.account(AccountId("alice"))
    assert session.cancelled_caught
    assert trio.current_time() == pytest.approx(ACCOUNT_SECONDS)
    assert supervision.diagnostics.events == ["plugin.failed"]
    with pytest.raises(TemporaryFailure, match="no answer within 30 s"):
        await directory.account(AccountId("alice"))
    assert trio.current_time() == pytest.approx(2 * ACCOUNT_SECONDS)
    await trio.sleep(POOLED_SECONDS)
    one.product.seconds = 1.0
    assert await directory.account(AccountId("alice")) is None  # it is watched again


async def test_a_verifier_that_does_not_answer_is_trouble(autojump_clock):
    class Slow(Instance):
        async def verify(self, claim):
            await trio.sleep(1000)

    with pytest.raises(TemporaryFailure, match="no answer within 30 s"):
        await combined([Slow(None, None)]).verify(CLAIM)
