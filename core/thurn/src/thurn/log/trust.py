"""After a failed sync, nothing that was written before counts as durable until it is written anew.

Linux marks pages as clean once it has reported the error: a second sync succeeds without writing
them, and a read shows the pages in memory, not the octets on the disk. Trying again could free
segments whose rows are not on the disk. So a failed sync (of a frame, of a file system, or of an
owner's file) leaves the file `distrusted` in the log's directory:

- While the file exists, nothing is settled and nothing is retired.
- Every process that commits ends its log within `seal_after_seconds / 4` and is replaced.
- `recover` fails while one of these processes is left (`serving.lock`). Otherwise it has the owners
  write everything that the unretired records concern to new files (`RenewingOwner`), replays all
  these records, and removes the file. If the disk refuses again, the start fails, and the file
  stays.

What is done: the store renews the indexes of all accounts that have records in the log; the bodies
of these records are written to new files when they are settled, as always. What is not done yet:
the queue's database is not renewed; an index is not made from a checkpoint when its copy fails (its
account is in trouble then, and its records stand aside); the start is refused instead of answering
451 while processes of the old generation end.

Rules of this file: blocking, from any thread. A mark that cannot be written is lost with its
process, and the segment is replayed as after a kill.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from thurn.log.files import Lock

_MARK: Final = "distrusted"


def distrust(directory: Path, detail: str) -> None:
    """Note that a sync has failed."""
    with suppress(OSError):
        (directory / _MARK).write_text(f"{detail}\n")


def is_distrusted(directory: Path) -> bool:
    """Whether a sync has failed since everything was last written anew."""
    return (directory / _MARK).exists()


def trust(directory: Path) -> None:
    """Remove the note: everything that the log's records concern was written anew."""
    (directory / _MARK).unlink(missing_ok=True)


def hold_serving(directory: Path) -> Lock:
    """The lock that every process holds while it may commit; processes share it."""
    return Lock.share(directory / "serving.lock")


def take_serving(directory: Path) -> Lock | None:
    """The same lock for this caller alone; None while any process may commit."""
    return Lock.take(directory / "serving.lock")
