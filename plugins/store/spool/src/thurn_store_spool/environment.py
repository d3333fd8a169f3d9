"""What all parts of one open store share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from thurn.plugin import Clock, CommitLog, Diagnostics

from thurn_store_spool.body import Bodies
from thurn_store_spool.index import AccountIndex
from thurn_store_spool.place import DIRECTORIES, SHARED_BITS
from thurn_store_spool.pool import Pool
from thurn_store_spool.shared import SharedBodies
from thurn_store_spool.watch import Watch

SHARED_MASK: Final = (1 << SHARED_BITS) - 1


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
    commit_log: CommitLog
    clock: Clock
    watch: Watch
    diagnostics: Diagnostics
    pool: Pool
    bodies: Bodies
    shared: SharedBodies
    draw: Callable[[], int]
    sweep: Callable[[AccountIndex], None]

    def number_message(self) -> int:
        """The number of a new message: random, but for the directory that its file will be in.

        That is one for all messages of a day, so an account with few has few directories.
        """
        day = int(self.clock.wall()) // 86_400
        return (day % DIRECTORIES) << SHARED_BITS | self.draw() & SHARED_MASK
