"""What all parts of one open store share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from thurn.contracts.clock import Clock
from thurn.contracts.commitlog import CommitLog
from thurn.contracts.context import Log

from thurn_store_spool.body import Bodies
from thurn_store_spool.index import AccountIndex
from thurn_store_spool.pool import Pool
from thurn_store_spool.watch import Watch


@dataclass(frozen=True, slots=True)
class Environment:
    """See the module.

    Attributes:
        name: the instance, and the owner of its records in the log.
        draw: 63 random bits: numbers of messages, nonces of changes.
        sweep: files of an account may have become garbage.
    """

    name: str
    separator: str
    log: CommitLog
    clock: Clock
    watch: Watch
    journal: Log
    pool: Pool
    bodies: Bodies
    draw: Callable[[], int]
    sweep: Callable[[AccountIndex], None]
