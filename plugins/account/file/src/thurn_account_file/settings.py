"""The settings of `account.file`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field
from thurn.plugin import Settings, SitePath


class FileSettings(Settings):
    """Settings of `account.file`."""

    file: SitePath = Field(description="The file with the accounts.")
    format: Literal["toml", "passwd"] = Field(
        default="toml", description='"toml", or "passwd": Dovecot\'s passwd-file.'
    )
    domains: tuple[str, ...] = Field(
        default=(),
        description="Domains that are ours, besides those that a TOML file itself names.",
    )
    separator: str = Field(
        default="+",
        max_length=1,
        description="Sub-addressing: what stands before the detail in a local part; empty: none.",
    )
    postmaster: str | None = Field(
        default=None,
        description="The account that gets mail to postmaster at every domain that is ours, where "
        "no address or alias says otherwise; the first account if not given.",
    )
    masters: tuple[str, ...] = Field(
        default=(),
        description="Accounts that may act as every other one (SASL authorization identity).",
    )
    allow_plain: bool = Field(
        default=False, description="Whether the file may have passwords in the clear ({PLAIN})."
    )
    world_readable: Literal["refuse", "warn"] = Field(
        default="refuse",
        description="What to do when everybody on the machine can read the file.",
    )

    def findings(self, directory: Path) -> Sequence[str]:
        """What is wrong with the file."""
        from thurn_account_file.document import BrokenFile  # noqa: PLC0415 - with the next
        from thurn_account_file.source import Source  # noqa: PLC0415 - it reads these settings

        try:
            Source(self).read()
        except BrokenFile as error:
            return [f"{self.file}: {text}" for text in error.findings]
        return []

    def warnings(self, directory: Path) -> Sequence[str]:
        """Aliases that lead to nobody."""
        from thurn_account_file.document import BrokenFile  # noqa: PLC0415 - with the next
        from thurn_account_file.source import Source  # noqa: PLC0415 - it reads these settings

        try:
            book, _, _ = Source(self).read()
        except BrokenFile:
            return []
        return [f"{self.file}: {text}" for text in book.dangling()]
