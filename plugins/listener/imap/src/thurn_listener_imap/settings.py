"""The settings of `listener.imap`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from thurn.plugin import Duration, GuardRef, Ref, Size
from thurn_kit.pace import PacedSettings

from thurn_listener_imap.limits import IDLE_SECONDS, LOGIN_SECONDS


class ImapSettings(PacedSettings):
    """Settings of `listener.imap`, besides those of every listener."""

    size_limit: Size = Field(
        default=50 * 2**20, ge=2**16, description="The largest message of APPEND. RFC 7889."
    )
    guards: tuple[GuardRef, ...] = Field(
        default=(), description="Judges of what APPEND, COPY and CREATE add (quota), in order."
    )
    extensions: tuple[Annotated[str, Ref("imap")], ...] = Field(
        default=(), description="Instances of the role imap: extensions of this listener."
    )
    idle: Duration = Field(
        default=IDLE_SECONDS,
        ge=IDLE_SECONDS,
        description="Silence that ends a session; the standard requires at least 30 minutes.",
    )
    login_idle: Duration = Field(
        default=LOGIN_SECONDS,
        ge=10,
        description="Silence before login that ends a session, by BYE.",
    )
