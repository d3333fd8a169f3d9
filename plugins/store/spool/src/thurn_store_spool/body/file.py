"""Files of message bodies: each is written once, under the message's number, and never changed.

Rules of this file: a file has its final name only when all its octets are in it; it is made with
O_EXCL and O_NOFOLLOW in the account's own directory, mode 0600. Blocking.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from thurn.plugin import SPILL_OCTETS, Blob

from thurn_store_spool.layout import body_name, body_path

_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def write_body(directory: Path, message: int, octets: bytes) -> None:
    """Write the body to its file, without a sync.

    It is written anew even when there is a file of this size: after a power cut a file may have the
    size and not the octets. That is safe beside readers, who have the body from the log meanwhile.

    Raises:
        OSError: the file was not written.
    """
    path = body_name(directory, message)
    temporary = f"{path}.new"
    try:
        descriptor = _create(temporary)
        try:
            written = os.write(descriptor, octets)
            while written < len(octets):
                written += os.write(descriptor, octets[written:])
        finally:
            os.close(descriptor)
        os.rename(temporary, path)  # noqa: PTH104 - done for every message; a Path costs more
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _create(path: str) -> int:
    try:
        return os.open(path, _FLAGS, 0o600)
    except FileNotFoundError:
        Path(path).parent.mkdir(mode=0o700, exist_ok=True)
        return os.open(path, _FLAGS, 0o600)
    except FileExistsError:  # left by a process that was killed
        Path(path).unlink()
        return os.open(path, _FLAGS, 0o600)


def place_body(directory: Path, message: int, blob: Blob) -> None:
    """Write the body to its file, durably, with every directory on the way to it.

    Raises:
        OSError: the file is not durable.
    """
    path = body_path(directory, message)
    temporary = path.with_name(f"{path.name}.new")
    try:
        descriptor = _create(str(temporary))
        with open(descriptor, "wb") as target:  # noqa: PTH123 - a descriptor
            if blob.path is None:
                target.write(blob.read())
            else:
                with blob.path.open("rb") as source:
                    shutil.copyfileobj(source, target, SPILL_OCTETS)
            target.flush()
            os.fsync(target.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_names(path.parent, directory)


def sync_names(inner: Path, directory: Path) -> None:
    """Sync the names in these directories and in those above them, up to that of all accounts."""
    for one in (inner, inner.parent, directory, *directory.parents[:2]):
        descriptor = os.open(one, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_body(directory: Path, message: int) -> None:
    """Remove the file, if it is there. Raises OSError."""
    body_path(directory, message).unlink(missing_ok=True)


def link_body(source: Path, directory: Path, message: int) -> bool:
    """Make the body's file another name of this one, durably; False when that is impossible.

    Raises:
        OSError: the names could not be synced.
    """
    path = body_path(directory, message)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        os.link(source, path, follow_symlinks=False)
    except OSError:  # also when the first account's message is gone
        return False
    sync_names(path.parent, directory)
    return True
