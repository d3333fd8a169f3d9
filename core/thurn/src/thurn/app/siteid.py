"""Whether all directories of a site are its own, and there: a disk that is not mounted is not a new
site.

The first start writes random bits into the file `site-id` of the data directory and of each
directory that holds mail or the way to it: those of the stores, of the queues, and the log's. The
data directory's file also lists the others. From then on one of the list without its file, or with
other bits, stops the start. A directory that is not on the list belongs to a new instance, and is
marked.

    <data>/site-id           the id, then a line for each directory, relative to the data directory
    <data>/store/main/site-id  <data>/queue/main/site-id  <data>/log/site-id     the id

Rules of this file: blocking; directories are marked before they are listed, so that a start that
is cut off goes on where it was.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from thurn.app.exclusive import exclusive
from thurn.types.errors import ConfigError

NAME: Final = "site-id"
ID_OCTETS: Final = 16
"""Random octets of an id: no two sites ever have the same."""
_BEGUN: Final = "site-id.new"


@dataclass(frozen=True, slots=True)
class SiteId:
    """What the data directory's file says: the id, and the directories that bear it."""

    id: str
    places: tuple[str, ...] = ()


def check_site_id(data: Path, places: Collection[str], *, may_mark: bool) -> None:
    """Return when these directories are this site's.

    Args:
        data: the data directory.
        places: relative to it; those that the configuration needs.
        may_mark: mark the directories that are new; False for a command that only looks.

    Raises:
        ConfigError: one of them is missing, not marked, or another site's.
        OSError: it cannot be read or marked.
    """
    known = _read(data / NAME)
    if known is not None:
        _check(data, known, places)
    if may_mark and (known is None or not set(places) <= set(known.places)):
        with exclusive(data):
            _mark(data, places)


def _check(data: Path, known: SiteId, places: Collection[str]) -> None:
    listed = [place for place in places if place in known.places]
    findings = [text for place in listed for text in _findings(data, known, place)]
    if findings:
        raise ConfigError(findings)


def _findings(data: Path, known: SiteId, place: str) -> Iterator[str]:
    marked = _read(data / place / NAME)
    if marked is None:
        yield (
            f"{data / place} has no {NAME}: not mounted? If it is gone for good and is to begin "
            f"anew, remove its line from {data / NAME}"
        )
    elif marked.id != known.id:
        yield (
            f"{data / place} belongs to another site (its {NAME} differs from {data / NAME}): "
            "is another disk mounted there?"
        )


def _mark(data: Path, places: Collection[str]) -> None:
    """Mark what is not marked yet; nobody else does so at the same time."""
    known = _read(data / NAME)
    begun = known or _read(data / _BEGUN) or SiteId(secrets.token_hex(ID_OCTETS))
    if known is None:
        _check_strangers(data, begun, places)
        _write(data / _BEGUN, [begun.id])
    for place in places:
        if place not in begun.places:
            (data / place).mkdir(mode=0o700, parents=True, exist_ok=True)
            marked = _read(data / place / NAME)
            if marked is None:
                _write(data / place / NAME, [begun.id])
            elif marked.id != begun.id:
                raise ConfigError(list(_findings(data, begun, place)))
    _write(data / NAME, [begun.id, *dict.fromkeys([*begun.places, *places])])
    (data / _BEGUN).unlink(missing_ok=True)


def _check_strangers(data: Path, begun: SiteId, places: Collection[str]) -> None:
    """Raises ConfigError when a directory is marked and the data directory is not."""
    marked = {place: _read(data / place / NAME) for place in places}
    findings = [
        f"{data / place} belongs to a site, and {data} has no {NAME}: is {data} not mounted?"
        for place, one in marked.items()
        if one is not None and one.id != begun.id
    ]
    if findings:
        raise ConfigError(findings)


def _read(path: Path) -> SiteId | None:
    """A file's content; None without one, or for one that a crash has left empty."""
    try:
        lines = path.read_text().split("\n")
    except (FileNotFoundError, NotADirectoryError):
        return None
    return SiteId(lines[0], tuple(line for line in lines[1:] if line)) if lines[0] else None


def _write(path: Path, lines: list[str]) -> None:
    """Put the file there, whole and on the disk."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    with new.open("w") as file:
        file.write("".join(f"{line}\n" for line in lines))
        file.flush()
        os.fsync(file.fileno())
    new.chmod(0o600)
    new.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
