"""The settings of `listener.pop3`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from thurn.plugin import Duration, ListenerSettings

from thurn_listener_pop3.limits import AUTOLOGOUT_SECONDS, LOGIN_SECONDS


class Pop3Settings(ListenerSettings):
    """Settings of `listener.pop3`, besides those of every listener."""

    mailbox: str = Field(
        default="INBOX", min_length=1, description="The mailbox that POP3 shows as the maildrop."
    )
    concurrent: Literal["snapshot", "lock"] = Field(
        default="snapshot",
        description="A second session of an account: works on a snapshot of its own, or is refused "
        "with [IN-USE].",
    )
    login_delay: Duration | None = Field(
        default=None,
        ge=1,
        description="Least time between two logins of an account; sooner is [LOGIN-DELAY].",
    )
    expire: Duration | None = Field(
        default=None,
        description="How long the site keeps mail at least, as clients are told in whole days; "
        "nothing is removed because of it. Not set: for ever.",
    )
    mark_seen: bool = Field(
        default=False, description="Set the flag \\Seen, at QUIT, on what RETR has fetched."
    )
    idle: Duration = Field(
        default=AUTOLOGOUT_SECONDS,
        ge=AUTOLOGOUT_SECONDS,
        description="Silence that ends a connection; the standard requires at least ten minutes.",
    )

    login_idle: Duration = Field(
        default=LOGIN_SECONDS, ge=10, description="Silence before login that ends it, by -ERR."
    )

    @property
    def needs_state(self) -> bool:
        """Locks and the times of logins are shared."""
        return self.concurrent == "lock" or self.login_delay is not None
