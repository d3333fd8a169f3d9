"""Settings of `imap.quota`."""

from __future__ import annotations

from pydantic import Field
from thurn.plugin import GuardRef, Settings


class QuotaExtensionSettings(Settings):
    """Settings of `imap.quota`."""

    guard: GuardRef = Field(description="The guard that knows usage and limits.")
    administrators: tuple[str, ...] = Field(
        default=(),
        description="Names of accounts that may look at all quotas and set them by SETQUOTA. "
        "Empty: SETQUOTA is not announced.",
    )
