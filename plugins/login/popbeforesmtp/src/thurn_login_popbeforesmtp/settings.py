"""Settings of `login.popbeforesmtp`."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field
from thurn.plugin import Duration, Settings
from thurn_kit.grants import NetworkSetting

INTERVAL_SECONDS: Final = 1800.0
"""The default of `interval`, in seconds. Half an hour is longer than the usual poll of 5 to 15
minutes, and shorter than most leases of a dynamic address, whose next holder inherits the grant."""
INTERVAL_LIMIT_SECONDS: Final = 86_400.0
"""The longest `interval` in seconds: after a day the address may belong to anybody."""


class PopBeforeSmtpSettings(Settings):
    """Settings of `login.popbeforesmtp`."""

    interval: Duration = Field(
        default=INTERVAL_SECONDS,
        gt=0,
        le=INTERVAL_LIMIT_SECONDS,
        description="How long a login lets its address send, counted from the last login.",
    )
    protocols: frozenset[str] = Field(
        default=frozenset({"pop3", "imap"}), description="The protocols whose logins grant."
    )
    require_tls: bool = Field(
        default=False, description="Only logins over an encrypted connection grant."
    )
    accounts: frozenset[str] | None = Field(
        default=None,
        description="Only logins of these accounts grant: login names or addresses. "
        "Not set: everybody's, unless `groups` is set.",
    )
    groups: frozenset[str] | None = Field(
        default=None,
        description="Only logins of members of these groups grant. "
        "Not set: everybody's, unless `accounts` is set.",
    )
    never: tuple[NetworkSetting, ...] = Field(
        default=(),
        description="Addresses and networks that get no grant, such as webmail servers, proxies "
        "and machines that many people share.",
    )
    on_trouble: Literal["proceed", "refuse"] = Field(
        default="proceed",
        description='What happens to a login whose grant cannot be written: "proceed" without a '
        'grant, or "refuse" the login temporarily.',
    )

    @property
    def needs_state(self) -> bool:
        """Always true: the grant table is in the shared state."""
        return True
