"""Where an account lies: directory names that no account id can escape, whatever its text.

    <data>/accounts/<xx>/<account>/index.db        index.db-wal, index.db-shm while open
    <data>/accounts/<xx>/<account>/bodies/<yy>/<message>

- `<account>` is the id in UTF-8; every octet outside `a-z 0-9 _ - @ .`, and a dot at the beginning,
  is written as `%` and two lower-case hex digits. So two ids never share a name, a name has no
  upper case (file systems that fold case are safe) and no separator, and it never begins with a
  dot. A name longer than NAME_OCTETS is its first half, `%%`, and the SHA-256 of the id; then only
  the index knows the id.
- `<xx>` are the first two hex digits of the id's SHA-256: 256 directories, however many accounts.
- `<message>` is the message's number in 16 hex digits, `<yy>` the first two of them: one of
  BODY_DIRECTORIES. All messages that arrive on one day share it, so that an account with few
  messages has few directories.

Rules of this file: names only; it opens nothing and makes nothing.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

from thurn.plugin import AccountId

NAME_OCTETS: Final = 120
"""The longest name that spells out an id; file systems end at 255 octets, and encoding triples."""

BODY_DIRECTORIES: Final = 128
"""Directories of an account's bodies. A message's number has 63 bits, which is what SQLite's
integers hold without the sign; the upper seven name the directory."""

ACCOUNTS: Final = "accounts"
INDEX: Final = "index.db"
BODIES: Final = "bodies"

_PLAIN: Final = re.compile(rb"[a-z0-9_.@-]")
_ESCAPE: Final = re.compile("%([0-9a-f]{2})")
_RANDOM_BITS: Final = 56
"""Bits of a message's number below those that name the directory."""


def account_directory(data: Path, account: AccountId) -> Path:
    """The directory of an account."""
    octets = account.encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(octets).hexdigest()
    name = "".join(
        chr(octet) if _PLAIN.match(bytes((octet,))) and (octet != 0x2E or at) else f"%{octet:02x}"
        for at, octet in enumerate(octets)
    )
    if not name or len(name) > NAME_OCTETS:
        name = f"{name[: NAME_OCTETS // 2]}%%{digest}"
    return data / ACCOUNTS / digest[:2] / name


def account_of(directory: Path) -> AccountId | None:
    """The id behind a directory's name; None where only the index knows it."""
    name = directory.name
    if "%%" in name:
        return None
    octets = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), name).encode("latin-1")
    return AccountId(octets.decode("utf-8", "surrogatepass"))


def message_number(day: int, bits: int) -> int:
    """The number of a message that arrived on this day (any count of days), from random bits."""
    return (day % BODY_DIRECTORIES) << _RANDOM_BITS | bits & (1 << _RANDOM_BITS) - 1


def body_path(directory: Path, message: int) -> Path:
    """The file of a message's body."""
    return Path(body_name(directory, message))


def body_name(directory: Path, message: int) -> str:
    """The same as text, for the callers that need the name of many files in a row."""
    name = f"{message:016x}"
    return f"{directory}/{BODIES}/{name[:2]}/{name}"
