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
        description="The database file; accounts.db in the instance's directory if not given.",
    )
    separator: str = Field(
        default="+",
        max_length=1,
        description="The character before the detail in a local part (sub-addressing), at domains "
        "that have no separator of their own. Empty: no sub-addressing.",
    )
    postmaster: str | None = Field(
        default=None,
        description="The account that gets mail to postmaster at domains that have no postmaster "
        "of their own; the first account if not given.",
    )
    when_empty: Literal["temporary", "unknown"] = Field(
        default="temporary",
        description='What a database without any domain means: "temporary" (it is not set up yet, '
        'or was lost: mail and logins are refused temporarily), or "unknown" (nobody is known '
        "here).",
    )
    scram: tuple[Literal["SCRAM-SHA-256", "SCRAM-SHA-1"], ...] = Field(
        default=("SCRAM-SHA-256",),
        description="SCRAM mechanisms for which a key is stored when a main password is set.",
    )
    scram_iterations: int = Field(
        default=10_000,
        ge=4_096,
        le=1_000_000,
        description="PBKDF2 rounds of new keys; clients compute them at each login. RFC 7677.",
    )
    upgrade: bool = Field(
        default=True,
        description="Whether a login with a password improves its stored form: an old scheme "
        "is replaced by argon2id, and missing SCRAM keys are made.",
    )
    history_days: int = Field(
        default=400,
        ge=1,
        description="Days for which the history of changes is kept: a year, and some weeks until "
        "somebody looks. The next change by a command deletes older lines.",
    )
    password_characters: int = Field(
        default=8, ge=1, le=64, description="Characters that a new main password must have."
    )

    def warnings(self, directory: Path) -> Sequence[str]:
        """The aliases whose targets nobody has; nothing if the database does not exist yet."""
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
