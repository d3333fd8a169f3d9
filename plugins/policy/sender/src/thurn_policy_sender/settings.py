"""The settings of `policy.sender` and `filter.sender`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from thurn.plugin import Settings
from thurn_kit.grants import NetworkSetting


class StandingSettings(Settings):
    """The settings that both checks share."""

    exempt_accounts: frozenset[str] = Field(
        default=frozenset(),
        description="Accounts whose logins may use any sender: login names or addresses.",
    )
    exempt_groups: frozenset[str] = Field(
        default=frozenset(), description="Groups whose members' logins may use any sender."
    )
    exempt_networks: tuple[NetworkSetting, ...] = Field(
        default=(),
        description="Networks whose peers need no login to use a local sender (with "
        "`protect_local`).",
    )
    grants: bool = Field(
        default=True,
        description="Whether grants count (POP-before-SMTP): mail relayed by one may use only its "
        "account's addresses, and `protect_local` permits those.",
    )
    protect_local: bool = Field(
        default=False,
        description="Whether local senders from outside need a login. Mail of mailing lists and "
        "forwarders elsewhere that keep the sender is then refused as well.",
    )


class EnvelopeSettings(StandingSettings):
    """Settings of `policy.sender`."""

    mode: Literal["reject", "log"] = Field(
        default="reject",
        description='What to do with a sender that the account does not own: "reject" it, or only '
        '"log" it in the journal.',
    )
    null_sender: Literal["reject", "allow"] = Field(
        default="reject",
        description="Whether a login may send with the null sender, as some clients do for read "
        "receipts.",
    )


class HeaderSettings(StandingSettings):
    """Settings of `filter.sender`."""

    mode: Literal["reject", "rewrite", "log"] = Field(
        default="reject",
        description='What to do with a From or Sender that the account does not own: "reject" it, '
        '"rewrite" it, or only "log" it. Doubtful headers are refused except with "log".',
    )
    display_names: Literal["owned", "any"] = Field(
        default="owned",
        description="Whether an address inside a display name must be owned as well.",
    )
