"""The settings of `[delivery.<name>] type = "sieve"`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from thurn.plugin import Duration, Ref, Settings, SitePath, Size

from thurn_delivery_sieve.zone import find_zone


def _zone(name: str) -> str:
    if name and find_zone(name) is None:
        raise ValueError(f'"{name}" is no time zone, such as "Europe/Berlin"')
    return name


class SieveSettings(Settings):
    """What can be set."""

    before: tuple[SitePath, ...] = Field(
        default=(),
        description="Files with the site's scripts that run before the account's own.",
    )
    after: tuple[SitePath, ...] = Field(
        default=(),
        description="Files with the site's scripts that run after it, while the message is kept.",
    )
    default: SitePath | None = Field(
        default=None,
        description="The file that runs for an account without an active script.",
    )
    global_scripts: SitePath | None = Field(
        default=None,
        description='A directory; its files NAME.sieve are what `include :global "NAME"` finds.',
    )
    extensions: tuple[Annotated[str, Ref("sieve")], ...] = Field(
        default=(),
        description="Instances of the role `sieve`: extensions of the language by other plugins.",
    )
    allow: tuple[str, ...] = Field(
        default=(),
        description="What `require` may ask for in scripts of accounts; empty: all there is.",
    )
    script_size: Size = Field(
        default=262_144, ge=1_024, le=1_048_576, description="A script's size at most."
    )
    steps: int = Field(
        default=100_000,
        ge=1_000,
        description="What one run may cost: a command or test is 1, so are 512 octets compared.",
    )
    cpu: Duration = Field(
        default=60.0,
        gt=0,
        description="Processor time that one script of an account may use in each `cpu_window`.",
    )
    cpu_window: Duration = Field(
        default=3_600.0, gt=0, description="The time in which `cpu` is counted."
    )
    cpu_pause: Duration = Field(
        default=86_400.0,
        gt=0,
        description="How long a script that used more is off, unless it is changed.",
    )
    actions: int = Field(default=32, ge=1, le=1_000, description="Actions of one message.")
    redirects: int = Field(
        default=4,
        ge=0,
        le=100,
        description="Redirects of one message; other plugins' "
        "actions count by the recipients to whom they send.",
    )
    creates: int = Field(
        default=10, ge=0, le=1_000, description="Mailboxes that one message may make."
    )
    redirect_memory: Duration = Field(
        default=43_200.0,
        ge=0,
        description="How long a message that was redirected is not redirected there again.",
    )
    vacation_default: Duration = Field(
        default=604_800.0, gt=0, description="Between two answers to one sender, without :days."
    )
    vacation_min: Duration = Field(
        default=3_600.0, ge=1, description="Between two answers to one sender at least."
    )
    vacation_max: Duration = Field(
        default=5_184_000.0, ge=604_801, description="Between two answers to one sender at most."
    )
    duplicate_max: Duration = Field(
        default=2_592_000.0, gt=0, description="How long `duplicate` remembers at most."
    )
    separator: str = Field(
        default="+",
        min_length=1,
        max_length=1,
        description="What stands before the detail of a local part (`:user`, `:detail`).",
    )
    notify_errors: bool = Field(
        default=True,
        description="Write to the account's INBOX, once a day per script, why its script failed.",
    )
    zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="",
        description='The time zone of scripts, such as "Europe/Berlin"; empty: the machine\'s. An '
        "account's attribute `zone` goes before it.",
    )

    @property
    def needs_state(self) -> bool:
        """Scripts remember what was done once."""
        return True
