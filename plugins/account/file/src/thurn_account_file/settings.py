"""The settings of `account.file`, which read the file when a configuration is checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from thurn_account_file.document import BrokenFile
from thurn_account_file.rules import FileRules
from thurn_account_file.source import Source


class FileSettings(FileRules):
    """Settings of `account.file`."""

    def findings(self, directory: Path) -> Sequence[str]:
        """The mistakes in the file."""
        try:
            Source(self).read()
        except BrokenFile as error:
            return [f"{self.file}: {text}" for text in error.findings]
        return []

    def warnings(self, directory: Path) -> Sequence[str]:
        """The aliases whose targets nobody has."""
        try:
            book, _, _ = Source(self).read()
        except BrokenFile:
            return []
        return [f"{self.file}: {text}" for text in book.dangling()]
