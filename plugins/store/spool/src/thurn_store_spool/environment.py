"""What all parts of one open store share, and what belongs to one of its accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from thurn.plugin import AccountId, Clock, CommitLog, Diagnostics, StorageTrouble

from thurn_store_spool.body.reading import Bodies
from thurn_store_spool.body.sharing import SharedBodies
from thurn_store_spool.cache.caches import AccountCaches, Caches
from thurn_store_spool.index.accountindex import AccountIndex
from thurn_store_spool.index.pool import Pool
from thurn_store_spool.index.trouble import Troubles
from thurn_store_spool.layout import message_number
from thurn_store_spool.watch.watch import ChangeWatch


@dataclass(frozen=True, slots=True)
class Environment:
    """What all parts of one open store share.

    Attributes:
        name: of the instance; the owner of its records in the commit log.
        draw: gives 63 random bits, for numbers of messages and nonces of changes.
        sweep: called with an index when files of the account may have become garbage.
    """

    name: str
    separator: str
    commit_log: CommitLog
    clock: Clock
    watch: ChangeWatch
    diagnostics: Diagnostics
    pool: Pool
    troubles: Troubles
    caches: Caches
    bodies: Bodies
    shared: SharedBodies
    draw: Callable[[], int]
    sweep: Callable[[AccountIndex], None]

    def must_be_well(self, account: AccountId) -> None:
        """Raises StorageTrouble while earlier records of the account stand aside."""
        if self.commit_log.is_aside(self.name, account):
            raise StorageTrouble("earlier records of the account stand aside", account=account)

    def number_message(self) -> int:
        """The number of a new message: random, except that those of one day share a directory."""
        return message_number(int(self.clock.wall()) // 86_400, self.draw())


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """An account of an open store: its index, and what is remembered of it."""

    index: AccountIndex
    caches: AccountCaches
    environment: Environment
