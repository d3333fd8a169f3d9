"""The settings of `policy.sender` and `filter.sender`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from thurn.plugin import Settings
from thurn_kit.grants import NetworkSetting


class StandingSettings(Settings):
    """Who is held to what; the same for both."""

    exempt_accounts: frozenset[str] = Field(
        default=frozenset(),
        description="Accounts that may send as anybody when they log in: login names or addresses.",
    )
    exempt_groups: frozenset[str] = Field(
        default=frozenset(), description="Groups whose members may send as anybody."
    )
    exempt_networks: tuple[NetworkSetting, ...] = Field(
        default=(),
        description="Where no login is needed to send as somebody of ours (with protect_local).",
    )
    grants: bool = Field(
        default=True,
        description="Look at grants (POP-before-SMTP): what is relayed by one is held to its "
        "account's addresses, and protect_local lets the account show them.",
    )
    protect_local: bool = Field(
        default=False,
        description="Refuse senders of ours from outside without a login. Mailing lists and "
        "forwarders elsewhere that keep the sender are refused, too.",
    )


class EnvelopeSettings(StandingSettings):
    """Settings of `policy.sender`."""

    mode: Literal["reject", "log"] = Field(
        default="reject", description="What to do with a sender that is not owned."
    )
    null_sender: Literal["reject", "allow"] = Field(
        default="reject",
        description="Whether who has logged in may send without a sender: read receipts of some "
        "clients do.",
    )


class HeaderSettings(StandingSettings):
    """Settings of `filter.sender`."""

    mode: Literal["reject", "rewrite", "log"] = Field(
        default="reject",
        description="What to do with a From or Sender that is not owned; what is doubtful is "
        "refused except by log.",
    )
    display_names: Literal["owned", "any"] = Field(
        default="owned",
        description="Whether an address inside a display name must be owned as well.",
    )
