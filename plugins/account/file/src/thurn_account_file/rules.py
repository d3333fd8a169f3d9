"""What the settings say of how the file is read."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from thurn.plugin import Settings, SitePath


class FileRules(Settings):
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
