"""The file on disk: reading it whole, and finding out whether it has changed."""

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
"""Size of the file in octets: about a million accounts. A site with more needs a database, and a
larger file is probably another one."""

Stamp: TypeAlias = tuple[int, int, int]
"""The file's modification time, size and inode number; at least one differs after a change."""


class Source:
    """The file of one instance."""

    def __init__(self, settings: FileRules) -> None:
        self._settings = settings
        self.path = settings.file

    def stamp(self) -> Stamp | None:
        """The stamp of the file now; None if it is missing or cannot be seen."""
        try:
            return _stamp(self.path.stat())
        except OSError:
            return None

    def read(self) -> tuple[AccountBook, Stamp, bool]:
        """The tables, the stamp of the file that was read, and whether everybody can read it.

        Blocks for a while with many accounts, so call it in a thread.

        Raises:
            BrokenFile: the file cannot be read or has mistakes.
        """
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                world_readable = bool(status.st_mode & stat.S_IROTH)
                if world_readable and self._settings.world_readable == "refuse":
                    raise BrokenFile(["everybody can read the file: chmod o-rwx it"])
                octets = file.read(SIZE_OCTETS + 1)
        except OSError as error:
            raise BrokenFile([f"the file cannot be read: {error.strerror}"]) from error
        if len(octets) > SIZE_OCTETS:
            raise BrokenFile([f"the file is larger than {SIZE_OCTETS} octets"])
        return self._bind(octets), _stamp(status), world_readable

    def _bind(self, octets: bytes) -> AccountBook:
        try:
            text = octets.decode()
        except UnicodeDecodeError as error:
            line = octets.count(b"\n", 0, error.start) + 1
            raise BrokenFile([f"line {line}: the text is not UTF-8"]) from None
        reading = read_toml(text) if self._settings.format == "toml" else read_passwd(text)
        return Binder(self._settings, reading).bind()


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_mtime_ns, status.st_size, status.st_ino
