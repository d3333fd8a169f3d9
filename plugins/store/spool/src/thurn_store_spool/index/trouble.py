"""Trouble of single accounts: which errors count as such, and notes that all processes see.

    <data>/trouble/<account>    JSON: the account, the path, what is wrong, what to do, since when

An index that is damaged, unreadable, missing or of a newer format is its account's trouble: that
account refuses changes with a temporary failure, and all others are served. The process that finds
the trouble writes the note; the process that ends it removes the note. While records of the account
stand aside in the commit log there is a note, so that one look at the file system answers both.

A note means that an operator must act. If the disk refuses a write or a sync, or if memory or
descriptors run out, the whole site is in trouble, and the error names no account.

Rules of this file: it opens no index. A note that cannot be written is missing in `thurn status`,
but the error is raised all the same.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import apsw
from thurn.plugin import AccountId, Clock, Diagnostics, StorageError, StorageFull, StorageTrouble

from thurn_store_spool.layout import INDEX, account_directory
from thurn_store_spool.mark import TROUBLES, Mark

TROUBLE: Final = "trouble"
"""The directory of the notes."""

RETRY_SECONDS: Final = 5.0
"""Seconds before an account that could not be mended is checked again: a check reads its whole
index, and mail for a damaged account may come all the time."""

_PUT_BACK: Final = "put index.db back from a backup; bodies and records wait for it"
_MEND_MODE: Final = "give the files to the account that thurn runs as (chown, chmod)"
_NEWER: Final = "start the version of thurn that wrote it, or put back an older index.db"
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_SITES: Final = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR}
"""Error numbers of the system that concern the whole site, not one account."""
_FROM_ONE_FILE: Final = {
    apsw.SQLITE_IOERR_READ,
    apsw.SQLITE_IOERR_SHORT_READ,
    apsw.SQLITE_IOERR_CORRUPTFS,
}
"""I/O errors of SQLite that concern one file: reading it. All others are refused writes and
syncs."""


_SYNCS: Final = {apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC}


class TroubleError(Exception):
    """Trouble of an account that neither SQLite nor the system has reported as an error.

    Attributes:
        advice: what an operator should do.
    """

    def __init__(self, detail: str, advice: str = _PUT_BACK) -> None:
        super().__init__(detail)
        self.advice = advice


def missing_index() -> TroubleError:
    """The index is missing, and the account is not new."""
    return TroubleError("the index is missing or empty, and there are bodies of messages beside it")


def newer_index(present: int, known: int) -> TroubleError:
    """The index has a format that this version does not read."""
    return TroubleError(f"the index has format {present}, and this version reads {known}", _NEWER)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One account's trouble, as its note has it; `since` is in POSIX seconds."""

    account: str
    path: str
    detail: str
    advice: str
    since: float

    def __str__(self) -> str:
        return f"account {self.account}: {self.path}: {self.detail}; {self.advice}"


def storage_error(error: Exception, account: str = "") -> StorageError:
    """An error of SQLite or of the file system in the store's terms.

    Args:
        error: whatever was raised.
        account: whose index or files it was; the result names it if the trouble is its own.
    """
    if isinstance(error, StorageError):
        return error
    if isinstance(error, apsw.FullError) or (isinstance(error, OSError) and error.errno in _FULL):
        return StorageFull(str(error))
    owner = "" if _is_of_the_site(error) else account
    kind = "" if isinstance(error, TroubleError) else f"{type(error).__name__}: "
    return StorageTrouble(f"{kind}{error}", account=owner)


def is_lasting(error: Exception) -> bool:
    """Whether an operator must act; what is only busy, or told already, is not noted."""
    return not isinstance(error, StorageError | apsw.BusyError)


def _is_of_the_site(error: Exception) -> bool:
    if isinstance(error, apsw.IOError):
        return getattr(error, "extendedresult", apsw.SQLITE_IOERR) not in _FROM_ONE_FILE
    if isinstance(error, OSError):
        return error.errno in _SITES
    return isinstance(error, apsw.NoMemError | MemoryError)


def is_failed_sync(error: Exception) -> bool:
    """Whether SQLite could not sync a file, so that nothing that was written to it is sure."""
    return isinstance(error, apsw.IOError) and getattr(error, "extendedresult", 0) in _SYNCS


def advice_on(error: BaseException | None) -> str:
    """What an operator should do about an error."""
    if isinstance(error, TroubleError):
        return error.advice
    if isinstance(error, apsw.ReadOnlyError | apsw.PermissionsError | apsw.CantOpenError | OSError):
        return f"{_MEND_MODE}, or {_PUT_BACK}"
    return _PUT_BACK


class Troubles:
    """The notes of one store.

    Args:
        data: the store's directory.
        is_aside: whether records of an account stand aside in the commit log.
        clock: tells the time.
        diagnostics: hears of each trouble once in a process.
    """

    def __init__(
        self,
        data: Path,
        is_aside: Callable[[AccountId], bool],
        clock: Clock,
        diagnostics: Diagnostics,
    ) -> None:
        self._data = data
        self._is_aside = is_aside
        self._clock = clock
        self._diagnostics = diagnostics
        self._failed_at: dict[AccountId, float] = {}
        self._mark = Mark(data / TROUBLES)
        self.directory = data / TROUBLE

    def note_path(self, account: AccountId) -> str:
        """Where the note of an account lies, if it has one."""
        return f"{self.directory}/{account_directory(self._data, account).name}"

    def mark(self) -> bytes | None:
        """What changes with the notes. An account without a note has none as long as this stays the
        same; None: look each time."""
        return self._mark.read()

    def is_noted(self, note_path: str) -> bool:
        """Whether there is a note."""
        return is_there(note_path)

    def is_troubled(self, account: AccountId, note_path: str) -> bool:
        """Whether the account must be mended before it is opened."""
        return is_there(note_path) or self._is_aside(account)

    def check_retry(self, account: AccountId, note_path: str) -> None:
        """Raises StorageTrouble if the account could not be mended a moment ago."""
        failed_at = self._failed_at.get(account)
        if failed_at is not None and self._clock.monotonic() - failed_at < RETRY_SECONDS:
            raise self.error_of(account, note_path)

    def error_of(self, account: AccountId, note_path: str) -> StorageTrouble:
        """What to raise for an account in trouble."""
        trouble = _read_note(Path(note_path))
        detail = str(trouble) if trouble is not None else f"account {account}: records stand aside"
        return StorageTrouble(detail, account=account)

    def failed(self, account: AccountId, error: Exception) -> StorageError:
        """An error of this account's index or files, in the store's terms; noted if it is trouble
        that an operator must act on."""
        failure = storage_error(error, account)
        is_own = isinstance(failure, StorageTrouble) and bool(failure.account)
        if is_own and is_lasting(error):
            self.note(account, str(failure), advice_on(error))
        return failure

    def note(self, account: AccountId, detail: str, advice: str = _PUT_BACK) -> None:
        """Note the account's trouble for all processes; the operator hears of it once in each."""
        path = Path(self.note_path(account))
        place = account_directory(self._data, account) / INDEX
        trouble = Trouble(account, str(place), detail, advice, self._clock.wall())
        if account not in self._failed_at:
            facts = {"path": trouble.path, "detail": detail, "advice": advice}
            self._diagnostics.error("store.account_trouble", account=account, **facts)
        self._failed_at[account] = self._clock.monotonic()
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            new = path.with_name(f"{path.name}.{os.getpid()}.new")
            new.write_text(json.dumps(asdict(trouble)))
            new.chmod(0o600)
            new.replace(path)
        self._mark.change()

    def still(self, account: AccountId) -> None:
        """The account could not be mended; it is not looked at again for a while."""
        self._failed_at[account] = self._clock.monotonic()

    def mended(self, account: AccountId) -> None:
        """The account is well; its note goes."""
        Path(self.note_path(account)).unlink(missing_ok=True)
        self._mark.change()
        self._failed_at.pop(account, None)
        self._diagnostics.info("store.account_mended", account=account)

    def close(self) -> None:
        """Let go of the mark's file."""
        self._mark.close()

    def all(self) -> list[Trouble]:
        """The accounts in trouble, the oldest first; blocking."""
        notes = (_read_note(path) for path in self.directory.glob("*"))
        return sorted((one for one in notes if one is not None), key=lambda one: one.since)


def is_there(path: str) -> bool:
    """Whether there is such a file; asked so often that it raises nothing inside."""
    return os.access(path, os.F_OK)


def _read_note(path: Path) -> Trouble | None:
    """The note in a file; None if the file has no note or was just removed."""
    if path.suffix == ".new":
        return None
    try:
        return Trouble(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
