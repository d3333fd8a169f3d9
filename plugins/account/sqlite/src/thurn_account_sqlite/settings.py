"""The settings of `account.sqlite`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import apsw
from pydantic import Field
from thurn.plugin import Settings, SitePath

from thurn_account_sqlite.lookup import SiteDefaults, dangling


class SqliteSettings(Settings):
    """Settings of `account.sqlite`."""

    file: SitePath | None = Field(
        default=None,
        description="The database; accounts.db in the instance's own directory if not given.",
    )
    separator: str = Field(
        default="+",
        max_length=1,
        description="Sub-addressing: what stands before the detail in a local part, at domains "
        "that have no separator of their own; empty: none.",
    )
    postmaster: str | None = Field(
        default=None,
        description="The account that gets mail to postmaster at domains that have none of their "
        "own; the first account if not given.",
    )
    when_empty: Literal["temporary", "unknown"] = Field(
        default="temporary",
        description="What a database without any domain means: trouble (it is not set up yet, or "
        "got lost: mail and logins are put off), or that nobody is known here.",
    )
    scram: tuple[Literal["SCRAM-SHA-256", "SCRAM-SHA-1"], ...] = Field(
        default=("SCRAM-SHA-256",),
        description="Mechanisms for which a key is stored when a main password is set.",
    )
    scram_iterations: int = Field(
        default=10_000,
        ge=4_096,
        le=1_000_000,
        description="PBKDF2 rounds of new keys; the client computes them at each login. RFC 7677.",
    )
    upgrade: bool = Field(
        default=True,
        description="Whether a login with a password renews what is stored of it: an old scheme "
        "becomes argon2id, SCRAM keys that are missing are made.",
    )
    history_days: int = Field(
        default=400,
        ge=1,
        description="How long the history of changes is kept: a year, and the weeks until somebody "
        "looks; older lines go with the next change.",
    )
    password_characters: int = Field(
        default=8, ge=1, le=64, description="How long a new main password must be."
    )

    def warnings(self, directory: Path) -> Sequence[str]:
        """Aliases that lead to nobody; nothing of a database that is not there yet."""
        path = directory / "accounts.db" if self.file is None else self.file
        try:
            connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        except apsw.Error:
            return []
        try:
            return dangling(connection, SiteDefaults(self.separator, self.postmaster))
        except apsw.Error as error:
            return [f"{path}: {error}"]
        finally:
            connection.close()
