"""Where an account lies: directory names that no account id, whatever its text, can escape.

    <data>/accounts/<xx>/<account>/index.db        index.db-wal, index.db-shm while open
    <data>/accounts/<xx>/<account>/bodies/<yy>/<message>

- `<account>` is the id with every octet of its UTF-8 outside `a-z 0-9 _ - @ .` (a dot at the
  beginning too) written as `%` and two lower-case hex digits. So it is injective, has no upper case
  (file systems that fold case are safe), no separator, and never begins with a dot. Above
  NAME_OCTETS it is the first half of that, `%%`, and the SHA-256 of the id; then the index knows
  the id.
- `<xx>` are two hex digits of the id's SHA-256: 256 directories, however many accounts.
- `<message>` is the message's number in 16 hex digits, `<yy>` the first two of them: 128
  directories. New messages of one day go into the same one (`Environment.number_message`).

Rules of this file: names only; nothing is opened, nothing is made.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

from thurn.plugin import AccountId

NAME_OCTETS: Final = 120
"""Above it a name is hashed: file systems end at 255, and encoding triples."""

_PLAIN: Final = re.compile(rb"[a-z0-9_.@-]")
_ESCAPE: Final = re.compile("%([0-9a-f]{2})")
INDEX: Final = "index.db"
WAL: Final = "index.db-wal"
BODIES: Final = "bodies"
ACCOUNTS: Final = "accounts"
DIRECTORIES: Final = 128
"""Of bodies: numbers have 63 bits, SQLite's integers without the sign."""
SHARED_BITS: Final = 56
"""Of a message's number below those that name the directory."""


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


def body_path(directory: Path, message: int) -> Path:
    """The file of a message's body."""
    return Path(body_name(directory, message))


def body_name(directory: Path, message: int) -> str:
    """The same as text, where it is made for each message of many."""
    name = f"{message:016x}"
    return f"{directory}/{BODIES}/{name[:2]}/{name}"
