"""The kit of guards: a quota passes, and each broken one is found."""

from __future__ import annotations

import itertools

import pytest
from thurn.plugin import OverQuota
from thurn.types.errors import StorageTrouble
from thurn_testing.contracts.guard import check_guard
from thurn_testing.fakes.account import FakeAccount

LIMIT_OCTETS = 100_000


class Quota:
    async def check_append(self, record, account, mailbox, size_octets):
        await account.mailboxes()
        if size_octets > LIMIT_OCTETS:
            raise OverQuota


class Says(Quota):
    async def check_append(self, record, account, mailbox, size_octets):
        return size_octets <= LIMIT_OCTETS


class RaisesElse(Quota):
    async def check_append(self, record, account, mailbox, size_octets):
        if size_octets > LIMIT_OCTETS:
            raise ValueError("too much")


class Picky(Quota):
    async def check_append(self, record, account, mailbox, size_octets):
        await super().check_append(record, account, str(mailbox.encode("ascii")), size_octets)


class Fickle(Quota):
    numbers = itertools.count()

    async def check_append(self, record, account, mailbox, size_octets):
        if next(self.numbers) % 7 == 3:
            raise OverQuota


class Meddles(Quota):
    async def check_append(self, record, account, mailbox, size_octets):
        await super().check_append(record, account, mailbox, size_octets)
        account._records = account._records[:-1]


class ForGood(Quota):
    async def check_append(self, record, account, mailbox, size_octets):
        try:
            await super().check_append(record, account, mailbox, size_octets)
        except StorageTrouble as error:
            type(error).status = Permanent
            raise


class Permanent:
    is_permanent = True


class Generous(Quota):
    async def check_append(self, record, account, mailbox, size_octets):
        pass


async def check(guard):
    account = FakeAccount(["Archive"])
    await check_guard(guard, account, admitted=[0, LIMIT_OCTETS], refused=[LIMIT_OCTETS + 1])


async def test_a_quota_passes():
    await check(Quota())


@pytest.mark.parametrize(
    ("guard", "promise"),
    [
        (Says(), "returns nothing, or raises"),
        (RaisesElse(), "raises a StorageError: ValueError"),
        (Picky(), "raises a StorageError: UnicodeEncodeError"),
        (Fickle(), "the same answer"),
        (Meddles(), "changes no mailbox"),
        (Generous(), "may not enter"),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_what_breaks_the_contract_is_found(guard, promise):
    with pytest.raises(AssertionError, match=promise):
        await check(guard)


async def test_trouble_of_the_store_is_temporary(monkeypatch):
    monkeypatch.setattr(StorageTrouble, "status", StorageTrouble.status)  # put back afterwards
    with pytest.raises(AssertionError, match="trouble of the store is temporary"):
        await check(ForGood())
