"""The settings of `[delivery.<name>] type = "sieve"`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field
from thurn.plugin import Duration, Ref, Settings, SitePath, Size

from thurn_delivery_sieve.zone import find_zone


def _zone(name: str) -> str:
    if name and find_zone(name) is None:
        raise ValueError(f'"{name}" is not a time zone like "Europe/Berlin"')
    return name


class SieveSettings(Settings):
    """The settings of the plugin."""

    before: tuple[SitePath, ...] = Field(
        default=(),
        description="Files with the site's scripts that run before the account's own script.",
    )
    after: tuple[SitePath, ...] = Field(
        default=(),
        description="Files with the site's scripts that run after it if the message is kept.",
    )
    default: SitePath | None = Field(
        default=None,
        description="The file that runs for an account without an active script.",
    )
    global_scripts: SitePath | None = Field(
        default=None,
        description='The directory whose files NAME.sieve are found by `include :global "NAME"`.',
    )
    extensions: tuple[Annotated[str, Ref("sieve")], ...] = Field(
        default=(),
        description="Instances of the role `sieve`: extensions of the language by other plugins.",
    )
    allow: tuple[str, ...] = Field(
        default=(),
        description="The extensions that scripts of accounts may require; empty: all of them.",
    )
    script_size: Size = Field(
        default=262_144, ge=1_024, le=1_048_576, description="The largest size of a script."
    )
    steps: int = Field(
        default=100_000,
        ge=1_000,
        description="Steps of one run: a command is one step, a comparison of a value with a key "
        "is one, and 512 characters compared are one more.",
    )
    cpu: Duration = Field(
        default=60.0,
        gt=0,
        description="Processor time that one script of an account may use in each `cpu_window`.",
    )
    cpu_window: Duration = Field(
        default=3_600.0, gt=0, description="The time over which `cpu` is counted."
    )
    cpu_pause: Duration = Field(
        default=86_400.0,
        gt=0,
        description="How long a script that used more is off; a changed script runs at once.",
    )
    actions: int = Field(default=32, ge=1, le=1_000, description="Actions of one message.")
    redirects: int = Field(
        default=4,
        ge=0,
        le=100,
        description="Redirects of one message; an action of another plugin counts once for each "
        "recipient that it sends to.",
    )
    creates: int = Field(
        default=10, ge=0, le=1_000, description="Mailboxes that one message may create."
    )
    redirect_memory: Duration = Field(
        default=43_200.0,
        ge=0,
        description="How long a message is not redirected to the same address again; 0 turns "
        "this off.",
    )
    vacation_default: Duration = Field(
        default=604_800.0,
        gt=0,
        description="Time between two answers to one sender, for a script without `:days`.",
    )
    vacation_min: Duration = Field(
        default=3_600.0, ge=1, description="The shortest time between two answers to one sender."
    )
    vacation_max: Duration = Field(
        default=5_184_000.0,
        ge=604_801,
        description="The longest time between two answers to one sender.",
    )
    duplicate_max: Duration = Field(
        default=2_592_000.0,
        gt=0,
        description="The longest time that `duplicate` remembers a message.",
    )
    separator: str = Field(
        default="+",
        min_length=1,
        max_length=1,
        description="The character between the two parts of a local part (`:user`, `:detail`).",
    )
    notify_errors: bool = Field(
        default=True,
        description="File a notice in the account's INBOX, at most once a day for each script, "
        "when its script fails.",
    )
    zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="",
        description='The time zone of scripts, like "Europe/Berlin"; empty: the machine\'s. The '
        "attribute `zone` of an account overrides it.",
    )

    @property
    def needs_state(self) -> bool:
        """Always: the sums of processor time are in shared state."""
        return True
