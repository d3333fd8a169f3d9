"""Says who may use a file or directory that this process may not use.

Rules of this file: standard library only; it looks at owners, never at the contents of a file.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path


def denied(path: Path) -> str | None:
    """Why this process cannot use a directory or file; None if it can, or if the path is
    missing."""
    try:
        there = path.exists()
    except PermissionError:
        return refusal(path)
    needed = os.R_OK | os.W_OK | (os.X_OK if there and path.is_dir() else 0)
    return refusal(path) if there and not os.access(path, needed) else None


def refusal(path: Path | str) -> str:
    """The message about a path that this process may not use."""
    owner = _owner(Path(path))
    who = "root" if owner in {None, "root"} else f"root or {owner}"
    return f"{path}: {_name(os.geteuid())} has no access to it; run this command as {who}"


def _owner(path: Path) -> str | None:
    """The owner of the path, or of the nearest directory above it that can be looked at."""
    for place in (path, *path.absolute().parents):
        try:
            return _name(place.stat().st_uid)
        except OSError:
            continue
    return None


def _name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a number without a name
        return str(number)
