"""Settings of `relay.networks`; they refuse an open relay when the configuration is checked."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator
from thurn.plugin import Settings
from thurn_kit.grants import Network, NetworkSetting, is_open, parse_destinations


class NetworksSettings(Settings):
    """Settings of `relay.networks`."""

    open_relay_on_purpose: bool = Field(
        default=False,
        description="Accept networks that together cover more than a /8 of public addresses (IPv6: "
        "a /16). Everybody there may then send to everybody through this site.",
    )
    networks: tuple[NetworkSetting, ...] = Field(
        default=(),
        description="Networks and addresses whose peers may send. Empty: nobody may.",
    )
    destinations: tuple[str, ...] = Field(
        default=(),
        description="Domains to which the peers may send; "
        '"*.example.org" stands for the domains below it. Empty: everywhere.',
    )

    @field_validator("networks")
    @classmethod
    def _no_open_relay(
        cls, networks: tuple[Network, ...], info: ValidationInfo
    ) -> tuple[Network, ...]:
        if is_open(networks) and not info.data.get("open_relay_on_purpose", False):
            raise ValueError(
                "these networks together make an open relay: they cover more than a /8 of public "
                "addresses (IPv6: a /16), or all of IPv4. List only your own networks, or set "
                "open_relay_on_purpose = true"
            )
        return networks

    @field_validator("destinations")
    @classmethod
    def _normal_form(cls, destinations: tuple[str, ...]) -> tuple[str, ...]:
        return parse_destinations(destinations)
