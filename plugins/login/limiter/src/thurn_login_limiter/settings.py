"""The settings of `login.limiter`, each default with its reason."""

from __future__ import annotations

from pydantic import Field
from thurn.plugin import Duration, Settings
from thurn_kit.grants import NetworkSetting


class LimiterSettings(Settings):
    """Settings of `login.limiter`."""

    trusted: tuple[NetworkSetting, ...] = Field(
        default=(),
        description="Networks whose logins are neither delayed nor banned, such as that of a "
        "webmail server, from which everybody logs in.",
    )
    window: Duration = Field(
        default=3600.0,
        gt=0,
        description="How long failures are added up, from the first one. People mistype within "
        "minutes, and a guesser with ten tries an hour finds nothing.",
    )
    free: int = Field(
        default=3,
        ge=0,
        description="Failures that cause no delay; people mistype two or three times.",
    )
    delay: Duration = Field(
        default=2.0,
        description="The first delay of a login after failures; it doubles with each further one.",
    )
    delay_longest: Duration = Field(
        default=15.0,
        le=60,
        description="The longest delay; clients give up after 30 seconds or more.",
    )
    failures: int = Field(
        default=10,
        ge=1,
        description="Failures within `window` that ban an address; people try all the passwords "
        "they have. The same wrong password for the same name counts once.",
    )
    failures_network: int = Field(
        default=30,
        ge=1,
        description="Failures within `window` that ban an IPv6 /64: one household or one host, "
        "which can use any of its addresses.",
    )
    ban: Duration = Field(
        default=600.0,
        gt=0,
        description="How long the first ban of an address lasts; each further one is twice as "
        "long.",
    )
    ban_longest: Duration = Field(
        default=86_400.0,
        gt=0,
        description="How long a ban lasts at most; addresses pass to other people.",
    )
    ban_memory: Duration = Field(
        default=7 * 86_400.0, gt=0, description="How long an earlier ban makes the next one longer."
    )
    known: Duration = Field(
        default=30 * 86_400.0,
        gt=0,
        description="How long after a login an address is known for the account: failures of "
        "others from there do not keep the account out.",
    )
    history: int = Field(
        default=20,
        ge=0,
        le=100,
        description="Logins kept in the history for each account and each address; 0 keeps none.",
    )
    history_lifetime: Duration = Field(
        default=14 * 86_400.0, gt=0, description="How long a login is kept in the history."
    )

    @property
    def needs_state(self) -> bool:
        """Always true: the workers count in shared tables."""
        return True
