"""The host's way of calling products, for tests of what is called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from thurn.chain.calls import Callee, Calls
from thurn.chain.current import CurrentRule
from thurn.chain.supervision import Supervised, Supervision
from thurn.contracts.commitlog import CommitLog
from thurn.contracts.context import Diagnostics, Events
from thurn.contracts.store import Deposit
from thurn.delivery.deposits import OwnedDeposit, commit_all

from thurn_testing.fakes.context import RecordingDiagnostics, RecordingEvents

P = TypeVar("P")


def make_supervision(
    diagnostics: Diagnostics | None = None,
    events: Events | None = None,
    note: Path | None = None,
) -> Supervision:
    """A supervision with no site around it.

    Args:
        diagnostics: keeps the lines of the operator's log; a new recorder if None.
        events: keeps the events; a new recorder if None.
        note: the file that says which rule is running; nothing is noted if None.
    """
    return Supervision(
        RecordingDiagnostics() if diagnostics is None else diagnostics,
        RecordingEvents() if events is None else events,
        Calls(CurrentRule(note)),
    )


def supervised(product: P, instance: str = "role.name") -> Supervised[P]:
    """A product as the host calls it, under a stage that is called like its role."""
    return Supervised(product, Callee(instance.partition(".")[0], instance, "file.py:1"))


async def commit_deposits(log: CommitLog, deposits: Sequence[Deposit]) -> None:
    """Commit deposits as the host does.

    Raises:
        StorageError, TemporaryFailure: as `thurn.delivery.deposits.commit_all`.
    """
    supervision, callee = make_supervision(), Callee("store", "store.under_test")
    named = [OwnedDeposit(deposit, callee, supervision) for deposit in deposits]
    await commit_all(log, named, supervision)
