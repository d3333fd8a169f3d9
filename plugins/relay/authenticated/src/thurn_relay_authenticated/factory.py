"""The plugin `relay.authenticated`: who has logged in may send to anybody. RFC 6409 §6.1, §4.3."""

from __future__ import annotations

from pydantic import Field
from thurn.plugin import Accept, Session, Settings, relay_policy


class AuthenticatedSettings(Settings):
    """Settings of `relay.authenticated`."""

    accounts: frozenset[str] | None = Field(default=None, description="Only these accounts.")
    groups: frozenset[str] | None = Field(default=None, description="Only members of these groups.")


@relay_policy("authenticated")
def authenticated(session: Session, config: AuthenticatedSettings) -> Accept | None:
    """Permits logins; those in `accounts` or `groups` where either is set."""
    identity = session.identity
    if identity is None:
        return None
    named = identity.account in (config.accounts or ())
    member = identity.groups & (config.groups or frozenset())
    everybody = config.accounts is None and config.groups is None
    return Accept("relay.authenticated") if everybody or named or member else None
