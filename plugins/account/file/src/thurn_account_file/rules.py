"""The settings, without the check that reads the file (see `settings`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from thurn.plugin import Settings, SitePath


class FileRules(Settings):
    """Settings of `account.file`."""

    file: SitePath = Field(description="The file with the accounts.")
    format: Literal["toml", "passwd"] = Field(
        default="toml",
        description='The form of the file: "toml", or "passwd" for Dovecot\'s passwd-file.',
    )
    domains: tuple[str, ...] = Field(
        default=(),
        description="Domains of the site, in addition to those in a TOML file.",
    )
    separator: str = Field(
        default="+",
        max_length=1,
        description="The character before the detail in a local part (sub-addressing). "
        "Empty: no sub-addressing.",
    )
    postmaster: str | None = Field(
        default=None,
        description="The account that gets mail to postmaster at every domain of the site, unless "
        "an address or alias there says otherwise; the first account if not given.",
    )
    masters: tuple[str, ...] = Field(
        default=(),
        description="Accounts that may log in as every other account (SASL authorization "
        "identity).",
    )
    allow_plain: bool = Field(
        default=False, description="Whether the file may have passwords in clear text ({PLAIN})."
    )
    world_readable: Literal["refuse", "warn"] = Field(
        default="refuse",
        description='What to do if everybody on the machine can read the file: "refuse" it, or '
        '"warn" in the log.',
    )
