"""Settings of `relay.networks`: an open relay is refused here, before anything starts."""

from __future__ import annotations

from pydantic import Field, ValidationInfo, field_validator
from thurn.plugin import Settings
from thurn_kit.grants import Network, NetworkSetting, is_open, parse_destinations


class NetworksSettings(Settings):
    """Settings of `relay.networks`."""

    open_relay_on_purpose: bool = Field(
        default=False,
        description="Take networks that together are more than a /8 of public addresses (IPv6: a "
        "/16). Everybody there may send to everybody through this site.",
    )
    networks: tuple[NetworkSetting, ...] = Field(
        default=(), description="Who may send: networks and addresses. Empty: nobody."
    )
    destinations: tuple[str, ...] = Field(
        default=(),
        description='Only to these domains ("*.example.org": those below it). Empty: to anywhere.',
    )

    @field_validator("networks")
    @classmethod
    def _no_open_relay(
        cls, networks: tuple[Network, ...], info: ValidationInfo
    ) -> tuple[Network, ...]:
        if is_open(networks) and not info.data.get("open_relay_on_purpose", False):
            raise ValueError(
                "these networks together are more than anybody's own (a /8 of public addresses, "
                "IPv6: a /16): an open relay. List your networks, or say "
                "open_relay_on_purpose = true"
            )
        return networks

    @field_validator("destinations")
    @classmethod
    def _normal_form(cls, destinations: tuple[str, ...]) -> tuple[str, ...]:
        return parse_destinations(destinations)
