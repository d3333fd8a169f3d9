"""Settings of `login.popbeforesmtp`."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field
from thurn.plugin import Duration, Settings
from thurn_kit.grants import NetworkSetting

INTERVAL_SECONDS: Final = 1800.0
"""Half an hour: longer than the usual poll of 5 to 15 minutes, shorter than most leases of a
dynamic address, whose next holder inherits what is left."""
INTERVAL_LIMIT_SECONDS: Final = 86_400.0
"""After a day the address may be anybody's."""


class PopBeforeSmtpSettings(Settings):
    """Settings of `login.popbeforesmtp`."""

    interval: Duration = Field(
        default=INTERVAL_SECONDS,
        gt=0,
        le=INTERVAL_LIMIT_SECONDS,
        description="How long a login lets its address send.",
    )
    protocols: frozenset[str] = Field(
        default=frozenset({"pop3", "imap"}), description="Whose logins grant."
    )
    require_tls: bool = Field(
        default=False, description="Only logins over an encrypted connection grant."
    )
    accounts: frozenset[str] | None = Field(
        default=None, description="Only these accounts: login names or addresses."
    )
    groups: frozenset[str] | None = Field(default=None, description="Only members of these groups.")
    never: tuple[NetworkSetting, ...] = Field(
        default=(),
        description="Addresses and networks that get no grant: webmail, proxies, "
        "machines that many share.",
    )
    on_trouble: Literal["proceed", "refuse"] = Field(
        default="proceed",
        description="When a grant cannot be written: let the login go on without it, "
        "or refuse the login for now.",
    )

    @property
    def needs_state(self) -> bool:
        """Grants are shared."""
        return True
