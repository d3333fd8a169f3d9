"""The file on disk: whether it has changed, and reading it whole."""

from __future__ import annotations

import os
import stat
from typing import Final, TypeAlias

from thurn_account_file.binder import Binder
from thurn_account_file.book import AccountBook
from thurn_account_file.document import BrokenFile
from thurn_account_file.passwdfile import read_passwd
from thurn_account_file.rules import FileRules
from thurn_account_file.tomlfile import read_toml

SIZE_OCTETS: Final = 256 * 2**20
"""A million accounts; whoever has more wants a database, and whoever has less a wrong path."""

Stamp: TypeAlias = tuple[int, int, int]
"""Modification time, size and number of the file: what a change changes."""


class Source:
    """The file of one instance."""

    def __init__(self, settings: FileRules) -> None:
        self._settings = settings
        self.path = settings.file

    def stamp(self) -> Stamp | None:
        """What a change would change; None if there is no file to be seen."""
        try:
            return _stamp(self.path.stat())
        except OSError:
            return None

    def read(self) -> tuple[AccountBook, Stamp, bool]:
        """The tables, the stamp of what was read, and whether everybody can read the file.

        Blocks for a while with many accounts: call it in a thread.

        Raises:
            BrokenFile: it cannot be read or used; `findings` say why.
        """
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                readable = bool(status.st_mode & stat.S_IROTH)
                if readable and self._settings.world_readable == "refuse":
                    raise BrokenFile(["can be read by everybody: chmod o-rwx it"])
                octets = file.read(SIZE_OCTETS + 1)
        except OSError as error:
            raise BrokenFile([f"cannot be read: {error.strerror}"]) from error
        if len(octets) > SIZE_OCTETS:
            raise BrokenFile([f"is larger than {SIZE_OCTETS} octets"])
        return self._bind(octets), _stamp(status), readable

    def _bind(self, octets: bytes) -> AccountBook:
        try:
            text = octets.decode()
        except UnicodeDecodeError as error:
            line = octets.count(b"\n", 0, error.start) + 1
            raise BrokenFile([f"line {line}: not UTF-8"]) from None
        reading = read_toml(text) if self._settings.format == "toml" else read_passwd(text)
        return Binder(self._settings, reading).bind()


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_mtime_ns, status.st_size, status.st_ino
