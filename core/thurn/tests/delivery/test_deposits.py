"""All deposits of a transaction, or none: the order of place, log and commit."""

from __future__ import annotations

import pytest
import trio
from thurn.delivery.deposits import commit_all
from thurn.types.errors import StorageFull, StorageTrouble


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
        "place a",
        "place own",
        "commit own",
        "place b",
        "log 12",
        "commit a",
        "commit b",
    ]


async def test_a_failing_log_aborts_all():
    told = []
    deposits = [Deposit(told, "a", "1"), Deposit(told, "b", "2")]
    with pytest.raises(StorageTrouble):
        await commit_all(Log(told, StorageTrouble("disk")), deposits)
    assert told == ["place a", "place b", "log 12", "abort a", "abort b"]


async def test_what_was_done_of_a_commit_is_ended_and_the_rest_aborted():
    told = []
    deposits = [Deposit(told, "a", "1"), Deposit(told, "b", "23"), Deposit(told, "c", "4")]
    with pytest.raises(StorageFull):
        await commit_all(Log(told, StorageFull("b", missing="3")), deposits)
    assert told[4:] == ["commit a", "abort b", "commit c"]


class Slow(Deposit):
    async def commit(self):
        await trio.sleep(1)
        await super().commit()

    async def abort(self):
        await trio.sleep(1)
        await super().abort()


async def test_what_the_log_has_is_ended_though_its_session_is_cancelled(autojump_clock):
    told = []
    with trio.move_on_after(0.5):
        await commit_all(Log(told), [Slow(told, "a", "1"), Slow(told, "b", "2")])
    assert told == ["place a", "place b", "log 12", "commit a", "commit b"]


async def test_a_cancelled_commit_aborts_all(autojump_clock):
    class Waiting(Log):
        async def commit(self, changes):
            await trio.sleep_forever()

    told = []
    with trio.move_on_after(0.5):
        await commit_all(Waiting(told), [Slow(told, "a", "1"), Slow(told, "b", "2")])
    assert told == ["place a", "place b", "abort a", "abort b"]
