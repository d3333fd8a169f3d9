"""All deposits of a transaction, or none: the order of place, log and commit."""

from __future__ import annotations

import pytest
import trio
from thurn.chain.calls import UNWIND_SECONDS, Callee
from thurn.delivery.deposits import (
    COMMIT_SECONDS,
    FateUnknown,
    OwnedDeposit,
    commit_all,
    owned,
)
from thurn.types.errors import StorageError, StorageFull, StorageTrouble, TemporaryFailure
from thurn_testing.fakes.supervision import make_supervision


class Change(str):
    """A letter that stands for a change."""

    def apply(self, frame): ...


class Log:
    def __init__(self, told, error=None):
        self.told, self.error = told, error

    async def commit(self, changes):
        self.told.append(f"log {''.join(changes)}")
        if self.error is not None:
            raise self.error


class Deposit:
    def __init__(self, told, name, changes=()):
        self.told, self.name, self.changes = told, name, [*map(Change, changes)]

    async def place(self):
        self.told.append(f"place {self.name}")

    async def commit(self):
        self.told.append(f"commit {self.name}")

    async def abort(self):
        self.told.append(f"abort {self.name}")


async def commit(log, deposits, supervision=None):
    """Commit as the host does, and let what goes on without its caller come to its end."""
    supervision = supervision or make_supervision()
    callee = Callee("store", "store.main", "file.py:1")
    named = [OwnedDeposit(deposit, callee, supervision) for deposit in deposits]
    try:
        await commit_all(log, named, supervision, "t1")
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(10)


async def test_one_log_commit_for_all_after_everything_is_placed(autojump_clock):
    told = []
    deposits = [Deposit(told, "a", "1"), Deposit(told, "own"), Deposit(told, "b", "2")]
    await commit(Log(told), deposits)
    assert told == [
        "place a",
        "place own",
        "commit own",
        "place b",
        "log 12",
        "commit a",
        "commit b",
    ]


async def test_a_failing_log_aborts_all(autojump_clock):
    told = []
    deposits = [Deposit(told, "a", "1"), Deposit(told, "b", "2")]
    with pytest.raises(StorageTrouble):
        await commit(Log(told, StorageTrouble("disk")), deposits)
    assert told == ["place a", "place b", "log 12", "abort a", "abort b"]


async def test_what_was_done_of_a_commit_is_ended_and_the_rest_aborted(autojump_clock):
    told = []
    deposits = [Deposit(told, "a", "1"), Deposit(told, "b", "23"), Deposit(told, "c", "4")]
    with pytest.raises(StorageFull):
        await commit(Log(told, StorageFull("b", missing="3")), deposits)
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
        await commit(Log(told), [Slow(told, "a", "1"), Slow(told, "b", "2")])
    assert told == ["place a", "place b", "log 12", "commit a", "commit b"]


async def test_a_cancelled_commit_aborts_all(autojump_clock):
    class Waiting(Log):
        async def commit(self, changes):
            await trio.sleep_forever()

    told = []
    with trio.move_on_after(0.5):
        await commit(Waiting(told), [Slow(told, "a", "1"), Slow(told, "b", "2")])
    assert told == ["place a", "place b", "abort a", "abort b"]


class Never(Deposit):
    """Comes back when it is let go, whatever is cancelled; or never."""

    def __init__(self, told, name, changes=()):
        super().__init__(told, name, changes)
        self.let_go = trio.Event()

    async def commit(self):
        with trio.CancelScope(shield=True):
            await self.let_go.wait()
        await super().commit()


async def test_a_commit_that_never_returns_keeps_nobody_waiting_and_is_never_half(autojump_clock):
    told = []
    supervision = make_supervision()
    never, other = Never(told, "own"), Deposit(told, "a", "1")
    with pytest.raises(FateUnknown) as caught:
        await commit(Log(told), [never, other], supervision)
    assert trio.current_time() == pytest.approx(COMMIT_SECONDS + UNWIND_SECONDS + 10)
    assert caught.value.fate.stored is None
    [failed] = [line for line in supervision.diagnostics.lines if line.level == "error"]
    assert failed.facts["plugin"] == "store.main"
    assert told == ["place own"]
    never.let_go.set()
    await trio.sleep(1)
    assert told == ["place own", "commit own", "place a", "log 1", "commit a"]
    assert caught.value.fate.stored


async def test_what_the_log_has_is_stored_whatever_a_deposit_does_then(autojump_clock):
    class Broken(Deposit):
        async def commit(self):
            raise KeyError("x")

    told = []
    supervision = make_supervision()
    await commit(Log(told), [Broken(told, "a", "1"), Deposit(told, "b", "2")], supervision)
    assert told[-2:] == ["log 12", "commit b"]
    assert supervision.diagnostics.events == ["plugin.failed"]


@pytest.mark.parametrize("changes", [3, "changes", None])
async def test_changes_that_are_none_abort_all(autojump_clock, changes):
    told = []
    lying = Deposit(told, "b")
    lying.changes = changes
    with pytest.raises(TemporaryFailure, match="answered nonsense"):
        await commit(Log(told), [Deposit(told, "a", "1"), lying])
    assert told[-2:] == ["abort a", "abort b"]


async def test_a_deposit_that_raises_is_named_and_aborts_all(autojump_clock):
    class Broken(Deposit):
        async def place(self):
            raise KeyError("x")

        async def abort(self):
            raise KeyError("y")

    told = []
    supervision = make_supervision()
    with pytest.raises(TemporaryFailure, match="raised KeyError: 'x'"):
        await commit(Log(told), [Deposit(told, "a", "1"), Broken(told, "b", "2")], supervision)
    assert told == ["place a", "abort a"]
    assert len(supervision.diagnostics.events) == 2


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        (lambda: 3, "answered nonsense: 3: not a Deposit"),
        (lambda: {}["x"], "raised KeyError: 'x'"),
    ],
)
def test_what_is_prepared_is_a_deposit(prepare, error):
    with pytest.raises(TemporaryFailure, match=error):
        owned(make_supervision(), Callee("store", "store.main"), prepare)


def test_a_store_may_say_that_it_cannot():
    def prepare():
        raise StorageTrouble("down")

    with pytest.raises(StorageError, match="down"):
        owned(make_supervision(), Callee("store", "store.main"), prepare)
