"""The index: one SQLite file per account; what its tables hold and how it is opened.

- `account`: one row with the account's id.
- `mailbox`: one row per mailbox; a `number` is never given again. `uidnext` is a floor that an
  expunge writes: the next UID is the larger of it and one above the highest UID that is there, so
  that an append writes no counter. `modseq` works the same way: it is the mailbox's newest change
  that was not an append.
- `floor`: one row with the highest mailbox number and UIDVALIDITY ever given, the MODSEQ up to
  which `change` was pruned, and the time of the last pruning (`tended_at`).
- `keyword`: the flag bits above the system flags, per mailbox.
- `message`: the narrow table that views are made of. `id` = mailbox number * 2^32 + UID.
- `body`: the wide table, one row per stored message however many copies of it there are. `id` is
  the MODSEQ of its append, so that the newest rows are the newest appends; `message` is the number
  that names its file; `slot, generation, position, length` is where the commit log has the body
  until it is settled (slot NULL: it has been in its file from the beginning). `headers` are the
  cached header fields.
- `change`: one row per change that was not an append, by MODSEQ. Together with the newest rows of
  `body` it is the account's change log. `operation` is stored where views need it; the counts say
  what the change did to the mailbox's totals. `highest` is the highest UID whose row it changed or
  removed.
- `kept`: copies of the totals, and of the columns of large mailboxes, as of the MODSEQ `seen`
  (see `cache.kept`).
- `garbage`: numbers of the messages whose files nothing refers to any longer.
- `delivered`, `remembered`: idempotency keys of appends; keys that `remember` stored.
- `subscription`, `annotation`: names, and values by mailbox number (0 is the account itself).
- `document`, `present`, `active`: all versions; the names that are not deleted; one per kind.

The account's highest MODSEQ is the larger of max(body.id) and max(change.modseq): whatever removes
a body is itself a newer change, and the newest change is never pruned.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Final

import apsw
from thurn_kit.exclusive import exclusive

from thurn_store_spool.index.query import select_one
from thurn_store_spool.index.trouble import TroubleError, missing_index, newer_index
from thurn_store_spool.layout import BODIES, INDEX

FORMAT: Final = 2
"""PRAGMA user_version. An index of format 1 has no `kept` and gets the table; one of a later
format is refused."""

OPEN_TIMEOUT_MS: Final = 5_000
"""How long opening waits for another worker that opens the same index; afterwards nobody waits."""

_KEPT: Final = """
CREATE TABLE kept(
    mailbox INTEGER PRIMARY KEY, seen INTEGER NOT NULL, messages INTEGER NOT NULL,
    unseen INTEGER NOT NULL, deleted INTEGER NOT NULL, size INTEGER NOT NULL,
    modseq INTEGER NOT NULL, uidnext INTEGER NOT NULL, octets BLOB);
"""

_SCHEMA: Final = """
CREATE TABLE account(id TEXT NOT NULL);
CREATE TABLE mailbox(
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, uidvalidity INTEGER NOT NULL,
    uidnext INTEGER NOT NULL, modseq INTEGER NOT NULL, special_use TEXT NOT NULL);
CREATE TABLE floor(
    mailbox INTEGER NOT NULL, uidvalidity INTEGER NOT NULL, pruned INTEGER NOT NULL,
    tended_at INTEGER NOT NULL);
CREATE TABLE keyword(
    mailbox INTEGER NOT NULL, bit INTEGER NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY(mailbox, bit)) WITHOUT ROWID;
CREATE TABLE message(
    id INTEGER PRIMARY KEY, flags INTEGER NOT NULL, modseq INTEGER NOT NULL, size INTEGER NOT NULL,
    received INTEGER NOT NULL, body INTEGER NOT NULL);
CREATE TABLE body(
    id INTEGER PRIMARY KEY, message INTEGER NOT NULL, mailbox INTEGER NOT NULL,
    uid INTEGER NOT NULL, copies INTEGER NOT NULL,
    slot INTEGER, generation INTEGER, position INTEGER, length INTEGER NOT NULL,
    prefix BLOB NOT NULL, header_octets INTEGER NOT NULL,
    envelope BLOB NOT NULL, bodystructure BLOB NOT NULL, structure BLOB NOT NULL,
    headers BLOB NOT NULL);
CREATE TABLE change(
    modseq INTEGER PRIMARY KEY, nonce INTEGER NOT NULL, mailbox INTEGER NOT NULL,
    operation BLOB, highest INTEGER NOT NULL, messages INTEGER NOT NULL, unseen INTEGER NOT NULL,
    deleted INTEGER NOT NULL, size INTEGER NOT NULL);
CREATE TABLE garbage(message INTEGER PRIMARY KEY);
CREATE TABLE delivered(key TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE remembered(key TEXT PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE subscription(name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE annotation(
    mailbox INTEGER NOT NULL, entry TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY(mailbox, entry)) WITHOUT ROWID;
CREATE TABLE document(
    kind TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, content BLOB NOT NULL,
    changed_at REAL NOT NULL, PRIMARY KEY(kind, name, version));
CREATE TABLE present(
    kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY(kind, name)) WITHOUT ROWID;
CREATE TABLE active(kind TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO floor VALUES(0, 0, 0, unixepoch());
"""


def open_index(directory: Path, account: str, *, is_beginning: bool = False) -> apsw.Connection:
    """The main connection to an account's index; the index is made when it is missing.

    Args:
        directory: the account's.
        account: its id.
        is_beginning: the caller has everything that was ever done to the account, so that an index
            may be made beside bodies.

    Raises:
        apsw.Error: it cannot be opened.
        TroubleError: a later version has written it; or it is missing, and there are bodies.
    """
    connection = apsw.Connection(str(directory / INDEX))
    try:
        connection.set_busy_timeout(OPEN_TIMEOUT_MS)
        connection.execute("PRAGMA synchronous=NORMAL")
        with exclusive(directory):
            present = _read_format(connection)
            if present == 0 and not is_beginning and has_bodies(directory):
                raise missing_index()  # noqa: TRY301 - closes the connection like the others
            if present != FORMAT:
                _make(connection, account)
        connection.set_busy_timeout(0)
    except BaseException:
        connection.close()
        raise
    return connection


def has_bodies(directory: Path) -> bool:
    """Whether there is the body of any message; blocking."""
    return next((directory / BODIES).glob("*/*"), None) is not None


def check_index(directory: Path, account: str) -> bool:
    """Whether there is an index that can be used; blocking, and reads all of it.

    Returns:
        False if the index is missing or empty.

    Raises:
        apsw.Error: it is damaged, or cannot be read or written.
        TroubleError: a later version has written it, or it is another account's.
    """
    path = directory / INDEX
    if not path.exists():
        return False
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as connection:
        connection.set_busy_timeout(OPEN_TIMEOUT_MS)
        present = _read_format(connection)
        if present == 0:
            return False
        if present > FORMAT:
            raise newer_index(present, FORMAT)
        row = select_one(connection, "PRAGMA quick_check(1)")
        if row != ("ok",):
            raise apsw.CorruptError(str(row[0]) if row else "no answer to quick_check")
        row = select_one(connection, "SELECT id FROM account")
        if row != (account,):
            owner = row[0] if row else "nobody"
            raise TroubleError(f"it is the index of {owner}")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    return True


def open_second(path: Path) -> apsw.Connection | None:
    """Another connection, for reading beside a transaction and for upkeep; None without an index.

    It syncs as little as the first one: what upkeep writes is noticed and done again after a power
    cut, and a commit that syncs would keep the worker's own commits waiting.

    Raises:
        apsw.Error: there is one, and it cannot be opened.
        TroubleError: a later version has written it.
    """
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    except apsw.CantOpenError:
        if path.exists():
            raise
        return None
    try:
        connection.set_busy_timeout(OPEN_TIMEOUT_MS)
        connection.execute("PRAGMA synchronous=NORMAL")
        present = _read_format(connection)
        if present > FORMAT:
            raise newer_index(present, FORMAT)  # noqa: TRY301 - closes the connection
    except BaseException:
        connection.close()
        raise
    return connection


def renew_index(directory: Path) -> None:
    """Write the index to a new file, synced, which takes the place of the old one; blocking, and no
    process has it open.

    Raises:
        apsw.Error: it cannot be read, or its copy is damaged.
        TroubleError: a later version has written it.
        OSError: the copy cannot be written.
    """
    path = directory / INDEX
    if not path.exists() or path.stat().st_size == 0:
        return
    new = path.with_name(f"{INDEX}.new")
    new.unlink(missing_ok=True)
    old = open_second(path)
    if old is not None:
        with closing(old):
            old.execute("VACUUM INTO ?", (str(new),))
    new.chmod(0o600)
    with closing(apsw.Connection(str(new))) as copy:
        copy.pragma("journal_mode", "wal")
        if copy.pragma("integrity_check") != "ok":
            raise apsw.CorruptError("the copy of the index is damaged")
    _sync(new)
    for rest in ("-wal", "-shm"):  # of the old file, which it closed; they must not meet the new
        path.with_name(f"{INDEX}{rest}").unlink(missing_ok=True)
    new.replace(path)
    _sync(directory)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_format(connection: apsw.Connection) -> int:
    return int(connection.pragma("user_version"))


def _make(connection: apsw.Connection, account: str) -> None:
    connection.pragma("journal_mode", "wal")
    connection.execute("BEGIN IMMEDIATE")
    try:
        present = _read_format(connection)  # another worker may have made it meanwhile
        if present == 0:
            connection.execute(_SCHEMA)
            connection.execute("INSERT INTO account VALUES(?)", (account,))
        if present < FORMAT:
            connection.execute(_KEPT)
            connection.pragma("user_version", FORMAT)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    if present > FORMAT:
        raise newer_index(present, FORMAT)
