"""The kit of guards, and what a hold promises beyond it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from thurn.plugin import OverQuota
from thurn_guard_quota.factory import quota
from thurn_guard_quota.guard import OverQuotaForGood
from thurn_guard_quota.hold import HOLD_SECONDS
from thurn_testing.contracts.guard import check_guard
from thurn_testing.fakes.account import ALICE, FakeAccount
from thurn_testing.fakes.context import FakeContext

LIMIT_OCTETS = 100_000
RECORD = replace(ALICE, quota_octets=None)


@pytest.fixture
def context(tmp_path):
    return FakeContext(tmp_path, name="guard.quota")


def opened(context, **settings):
    settings = {"storage": LIMIT_OCTETS, **settings}
    return quota.open(quota.settings(**settings), context)


async def test_contract(context):
    async with opened(context) as guard:
        account, refused = FakeAccount(["Archive"]), [LIMIT_OCTETS + 1]
        await check_guard(guard, account, RECORD, admitted=[0, LIMIT_OCTETS], refused=refused)


async def test_the_record_counts_before_the_settings(context):
    async with opened(context) as guard:
        record = replace(RECORD, quota_octets=10)
        await check_guard(guard, FakeAccount(), record, admitted=[10], refused=[11])


async def test_a_hold_counts_until_it_ends(context):
    account = FakeAccount()
    async with opened(context, messages=3) as guard:
        hold = await guard.hold_append(RECORD, account, "INBOX", LIMIT_OCTETS - 1, 2)
        await guard.check_append(RECORD, account, "INBOX", 1)
        with pytest.raises(OverQuota):
            await guard.hold_append(RECORD, account, "INBOX", 2)
        with pytest.raises(OverQuota):
            await guard.hold_append(RECORD, account, "INBOX", 1, 2)
        await hold.abort()
        await hold.abort()
        other = await guard.hold_append(RECORD, account, "INBOX", LIMIT_OCTETS)
        (change,) = other.changes
        assert change.resource is None
        change.applied()
        await guard.check_append(RECORD, account, "INBOX", LIMIT_OCTETS)


async def test_a_hold_that_nobody_ends_does_not_stay(context):
    account = FakeAccount()
    async with opened(context) as guard:
        await guard.hold_append(RECORD, account, "INBOX", LIMIT_OCTETS)
        context.clock.advance(HOLD_SECONDS + 1)
        await guard.check_append(RECORD, account, "INBOX", LIMIT_OCTETS)


async def test_a_site_may_refuse_for_good(context):
    async with opened(context, when_full="refuse") as guard:
        with pytest.raises(OverQuotaForGood) as caught:
            await guard.check_append(RECORD, FakeAccount(), "INBOX", LIMIT_OCTETS + 1)
    assert str(caught.value.status) == "552 5.2.2 The mailbox is full"


async def test_mailboxes(context):
    account = FakeAccount(["a"])
    async with opened(context, mailboxes=3) as guard:
        await guard.check_create(RECORD, account, "b")
        await guard.check_create(RECORD, account, "a/b")
        with pytest.raises(OverQuota):
            await guard.check_create(RECORD, account, "b/c")
