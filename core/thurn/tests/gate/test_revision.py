"""A verdict that is remembered does not outlive a change of the credentials."""

from __future__ import annotations

from thurn.contracts.account import Claim, Denied, Verified
from thurn.directory.combined import CombinedAccounts
from thurn.gate.cache import AGE_SECONDS, CredentialCache
from thurn.plugin import Secret
from thurn.types.identity import AccountId
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.supervision import make_supervision, supervised

CLAIM = Claim("ann", Secret("right"))


class Plain:
    async def verify(self, claim):
        return Denied()

    async def stored_key(self, query): ...


class Revised(Plain):
    number = 1

    async def revision(self):
        return self.number


async def test_the_revision_of_all_is_that_of_each():
    first, second = Revised(), Revised()
    instances = [supervised(one) for one in (first, Plain(), second)]
    accounts = CombinedAccounts(instances, make_supervision())
    seen = {await accounts.revision()}
    first.number = 2
    seen.add(await accounts.revision())
    second.number = 2
    seen.add(await accounts.revision())
    assert len(seen) == 3


def test_another_revision_is_another_question():
    cache = CredentialCache(ManualClock())
    cache.put("main\0001", CLAIM, Verified(AccountId("a")))
    assert cache.get("main\0001", CLAIM)
    assert cache.get("main\0002", CLAIM) is None


async def test_a_verdict_ends_with_its_credential():
    clock = ManualClock()
    cache = CredentialCache(clock)
    cache.put("main", CLAIM, Verified(AccountId("a"), expires_at=clock.wall() + AGE_SECONDS / 2))
    clock.advance(AGE_SECONDS / 2 - 1)
    assert cache.get("main", CLAIM)
    clock.advance(2)
    assert cache.get("main", CLAIM) is None
