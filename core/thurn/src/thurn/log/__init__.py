"""The commit log: the one place where changes become durable.

Each process that commits has a *slot*, a directory with a lock, and writes *segments* there. A
*round* takes every group that arrived while the last sync ran, and writes them as one *frame* with
one sync. Reading order: `frame` (what is on the disk), `segment` (names and their order of life),
`round`, `commitlog` (the task), `recovery` (start), `settle` (background), `reader`, `aside` (what
owners could not apply), `restore`, `trust` (what follows from a failed sync).

    log/
      time            the offset of the times of frames from the monotonic clock, for one boot
      recovered       the boot in which everything was replayed last
      distrusted      exists after a failed sync, until everything is written anew
      serving.lock    shared by all processes that may commit
      recovery.lock   held to see which slots are held, to take a slot, and to replay
      settle.lock     held to settle a segment, to replay everything, and to put aside or restore
      0/ 1/ …         the slots, each with lock, G.seg, G.sealed, free-G.seg

A process opens its log, opens the plugins (which register as owners), calls `recover`, and serves.
The housekeeper also runs `settle_sealed`.
"""

from __future__ import annotations

from thurn.log.commitlog import WorkerLog, closed_log, open_log
from thurn.log.files import Files
from thurn.log.reader import Reader
from thurn.log.recovery import recover
from thurn.log.segment import Backlog, backlog
from thurn.log.settings import LogSettings
from thurn.log.settle import Settler, settle_sealed

__all__ = [
    "Backlog",
    "Files",
    "LogSettings",
    "Reader",
    "Settler",
    "WorkerLog",
    "backlog",
    "closed_log",
    "open_log",
    "recover",
    "settle_sealed",
]
