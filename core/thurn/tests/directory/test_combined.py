"""Several account instances as one: whom the first knows, no other proves."""

from __future__ import annotations

import pytest
from thurn.contracts.account import (
    Claim,
    Denied,
    StoredKey,
    StoredKeyQuery,
    Unknown,
    Verified,
)
from thurn.directory.combined import CombinedAccounts
from thurn.plugin import Secret
from thurn.types.errors import TemporaryFailure
from thurn.types.identity import AccountId

KEY = StoredKey(AccountId("ann"), Secret("key"))
QUERY = StoredKeyQuery("ann", "SCRAM-SHA-256")
CLAIM = Claim("ann", Secret("right"))


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
    accounts = CombinedAccounts([first, SECOND])
    assert await accounts.verify(CLAIM) == verdict
    assert await accounts.stored_key(QUERY) == key


async def test_trouble_never_falls_through():
    down = TemporaryFailure("down")
    accounts = CombinedAccounts([Instance(down, down), SECOND])
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
    assert await CombinedAccounts([first, second]).verify(CLAIM) == Unknown()
    assert (first.spent, second.spent) == ([CLAIM], [])
    assert await CombinedAccounts([first, plain]).verify(CLAIM) == SECOND.verdict
    assert first.spent == [CLAIM]
    assert await CombinedAccounts([Instance(Unknown(), Unknown())]).verify(CLAIM) == Unknown()
