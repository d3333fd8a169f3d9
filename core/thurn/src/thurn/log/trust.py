"""A sync that has failed: from then on nothing that was written before is taken for durable.

Linux marks the pages clean when it has reported the error, so that a second sync succeeds without
them, and what is read is what memory has and not what the disk has. Trying again would free
segments whose rows are nowhere. So a failed sync, of a frame, of a file system or of an owner's
file, leaves the file `distrusted` in the log's directory:

- Nothing is settled or retired while it is there.
- Every process that commits ends its log within `seal_after_seconds / 4` and is replaced.
- `recover` waits until none of them is left (`serving.lock`), has the owners write to new files
  what the unretired records concern (`RenewingOwner`), replays all these records, and removes the
  file. If the disk refuses again, the start fails, and the file stays.

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
    """Everything that the log holds was written anew."""
    (directory / _MARK).unlink(missing_ok=True)


def hold_serving(directory: Path) -> Lock:
    """A lock that each process holds which may commit; several at the same time."""
    return Lock.share(directory / "serving.lock")


def take_serving(directory: Path) -> Lock | None:
    """The same lock, alone; None while a process may commit."""
    return Lock.take(directory / "serving.lock")
