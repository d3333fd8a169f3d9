"""Settings of `resolver.dns`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from thurn.plugin import Duration, Settings, SitePath, Size

from thurn_resolver_dns.nameserver import listed_nameservers, parse_nameserver

CACHE_SMALLEST_OCTETS: Final = 65_536
"""Smallest cache: some dozens of answers."""


def _checked(text: str) -> str:
    parse_nameserver(text)
    return text


class DnsSettings(Settings):
    """Settings of `resolver.dns`."""

    nameservers: tuple[Annotated[str, AfterValidator(_checked)], ...] = Field(
        default=(),
        max_length=8,
        description='Addresses of recursive nameservers, such as "127.0.0.1", "[::1]:5353". Empty: '
        "those of `resolv_conf`.",
    )
    resolv_conf: SitePath = Field(
        default=Path("/etc/resolv.conf"),
        description="The system's list of nameservers, read again when it changes.",
    )
    validator: bool = Field(
        default=False,
        description="The nameservers on loopback check DNSSEC: what they call authenticated is. "
        "The word of others never counts.",
    )
    families: tuple[Literal["ipv6", "ipv4"], ...] = Field(
        default=("ipv6", "ipv4"),
        min_length=1,
        max_length=2,
        description="Addresses that hosts are connected to, the first family first; one that is "
        "left out is not asked for.",
    )
    timeout: Duration = Field(
        default=2.0, gt=0, description="How long one nameserver has for one answer."
    )
    lifetime: Duration = Field(
        default=10.0, gt=0, le=60, description="How long one look-up takes at most."
    )
    attempts: int = Field(
        default=3,
        ge=1,
        le=10,
        description="How often each nameserver is asked that does not answer.",
    )
    concurrent: int = Field(
        default=200, ge=1, le=10_000, description="Questions under way; each has a socket."
    )
    edns_size: int = Field(
        default=1232,
        ge=512,
        le=4096,
        description="Octets of the largest datagram; a larger answer comes by TCP.",
    )
    tcp: bool = Field(default=False, description="Ask by TCP from the start.")
    cache_size: Size = Field(
        default=8 * 2**20,
        ge=CACHE_SMALLEST_OCTETS,
        description="Octets of memory for answers, in each worker.",
    )
    ttl_shortest: Duration = Field(
        default=5.0, le=300, description="How long an answer is kept at least."
    )
    ttl_longest: Duration = Field(
        default=86_400.0, description="How long an answer is kept at most."
    )
    negative_ttl_longest: Duration = Field(
        default=900.0, le=10_800, description='How long a "no" is kept at most.'
    )
    failure_ttl: Duration = Field(
        default=5.0, le=300, description="How long a failed look-up is kept."
    )

    @model_validator(mode="after")
    def _validator_is_here(self) -> Self:
        servers = [parse_nameserver(text) for text in self.nameservers]
        if self.validator and servers and not any(one.is_loopback for one in servers):
            raise ValueError("validator = true needs a nameserver on loopback, such as 127.0.0.1")
        if len({*self.families}) != len(self.families):
            raise ValueError("families names one twice")
        return self

    def warnings(self, directory: Path) -> Sequence[str]:
        """A list of nameservers without the validator that is promised."""
        if self.nameservers or not self.validator:
            return ()
        listed = listed_nameservers(self.resolv_conf)
        if any(one.is_loopback for one in listed):
            return ()
        return [f"validator = true, and {self.resolv_conf} has no nameserver on loopback"]
