"""All deposits of a transaction, or none: the order of place, log and commit."""

from __future__ import annotations

import pytest
from thurn.delivery.deposits import commit_all
from thurn.types.errors import StorageTrouble


class Log:
    def __init__(self, told, error=None):
        self.told, self.error = told, error

    async def commit(self, changes):
        self.told.append(f"log {''.join(changes)}")
        if self.error is not None:
            raise self.error


class Deposit:
    def __init__(self, told, name, changes=()):
        self.told, self.name, self.changes = told, name, changes

    async def place(self):
        self.told.append(f"place {self.name}")

    async def commit(self):
        self.told.append(f"commit {self.name}")

    async def abort(self):
        self.told.append(f"abort {self.name}")


async def test_one_log_commit_for_all_after_everything_is_placed():
    told = []
    deposits = [Deposit(told, "a", "1"), Deposit(told, "own"), Deposit(told, "b", "2")]
    await commit_all(Log(told), deposits)
    assert told == [
        "place a", "place own", "commit own", "place b", "log 12", "commit a", "commit b",
    ]  # fmt: skip


async def test_a_failing_log_aborts_all():
    told = []
    deposits = [Deposit(told, "a", "1"), Deposit(told, "b", "2")]
    with pytest.raises(StorageTrouble):
        await commit_all(Log(told, StorageTrouble("disk")), deposits)
    assert told == ["place a", "place b", "log 12", "abort a", "abort b"]
