"""Settings of `guard.quota`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from thurn.plugin import Settings, Size


class QuotaSettings(Settings):
    """Settings of `guard.quota`."""

    storage: Size | None = Field(
        default=None,
        description="Most octets of the mail of an account whose record has no quota.",
    )
    messages: int | None = Field(
        default=None,
        ge=0,
        description="Most messages of an account whose record has no bound of them.",
    )
    mailboxes: int | None = Field(
        default=None, ge=1, description="Most mailboxes of an account, INBOX included."
    )
    when_full: Literal["retry", "refuse"] = Field(
        default="retry",
        description='What a peer is told: "retry" (452 4.2.2), so that it keeps the message and '
        'tries again for days, or "refuse" (552 5.2.2), so that the sender knows at once.',
    )
    warn_at: tuple[Annotated[int, Field(ge=1, le=100)], ...] = Field(
        default=(80, 95),
        description="Percentages of a limit at which the account is warned by a message.",
    )
