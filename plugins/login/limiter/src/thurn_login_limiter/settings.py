"""The settings of `login.limiter`, each default with its reason."""

from __future__ import annotations

from pydantic import Field
from thurn.plugin import Duration, Settings
from thurn_kit.grants import NetworkSetting


class LimiterSettings(Settings):
    """Settings of `login.limiter`."""

    trusted: tuple[NetworkSetting, ...] = Field(
        default=(),
        description="Networks whose logins are neither delayed nor banned, such as a webmail "
        "server's: everybody comes from there.",
    )
    window: Duration = Field(
        default=3600.0,
        gt=0,
        description="How long failures are added up; people mistype within minutes, and a guesser "
        "who waits an hour for ten tries gets nowhere.",
    )
    free: int = Field(
        default=3,
        ge=0,
        description="Failures without a delay; people mistype twice or three times.",
    )
    delay: Duration = Field(
        default=2.0, description="The first delay; it doubles with each further failure."
    )
    delay_longest: Duration = Field(
        default=15.0, le=60, description="The longest delay; clients give up after 30 s and more."
    )
    failures: int = Field(
        default=10,
        ge=1,
        description="Failures within the window after which an address is banned; people try all "
        "the passwords they have. The same wrong one for the same name counts once.",
    )
    failures_network: int = Field(
        default=30,
        ge=1,
        description="The same for an IPv6 /64: one household or one host, whose owner can choose "
        "among all its addresses.",
    )
    ban: Duration = Field(
        default=600.0,
        gt=0,
        description="The first ban of an address; it doubles with each further one.",
    )
    ban_longest: Duration = Field(
        default=86_400.0, gt=0, description="The longest ban; addresses change hands."
    )
    ban_memory: Duration = Field(
        default=7 * 86_400.0, gt=0, description="How long an earlier ban makes the next one longer."
    )
    known: Duration = Field(
        default=30 * 86_400.0,
        gt=0,
        description="How long an address from which an account has logged in is known for it; "
        "others' failures from there do not keep it out.",
    )
    history: int = Field(
        default=20, ge=0, le=100, description="Outcomes kept per account and per address."
    )
    history_lifetime: Duration = Field(
        default=14 * 86_400.0, gt=0, description="How long they are kept."
    )

    @property
    def needs_state(self) -> bool:
        """Workers count together."""
        return True
