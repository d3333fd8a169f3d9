"""What all parts of one open store share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from thurn.contracts.clock import Clock
from thurn.contracts.commitlog import CommitLog
from thurn.contracts.context import Log
from thurn.contracts.state import Notices
from thurn.types.identity import AccountId

from thurn_store_spool.body import Bodies
from thurn_store_spool.index import AccountIndex
from thurn_store_spool.pool import Pool


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
    notices: Notices
    journal: Log
    pool: Pool
    bodies: Bodies
    draw: Callable[[], int]
    sweep: Callable[[AccountIndex], None]

    def topic(self, account: AccountId) -> str:
        """Where changes of an account are told to all workers."""
        return f"{self.name}:{account}"
