"""As whom a session may send: its login, or the accounts of the grants that cover it.

Rules of this file:
1. With a login: that account and nobody else, whatever grants there are for its address.
2. Without: the accounts that hold a grant for the peer, one of which it must be (several behind a
   NAT). A grant for anybody makes it a host of ours, held to no account.
3. Everybody else is outside. Exemptions by account and group need a login.
4. Grants are looked up once per transaction, when it begins; trouble with them is temporary.

Issue 3 §3; reliability catalogue §2, "Forged sender", "POP-before-SMTP".
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from thurn.contracts.account import Alias, Directory, Local, UnknownAddress
from thurn.plugin import Context
from thurn.plugin.grants import GrantTable, exact
from thurn.types.address import Address
from thurn.types.errors import ConfigError
from thurn.types.identity import AccountId
from thurn.types.session import Session, Transaction
from thurn.types.stash import StashKey

from thurn_policy_sender.settings import StandingSettings

Kind: TypeAlias = Literal["bound", "free", "outside"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a session stands.

    Attributes:
        kind: "bound" to accounts; "free": a host of ours or somebody exempt; "outside".
        accounts: one of these it must send as.
    """

    kind: Kind
    accounts: tuple[AccountId, ...] = ()


FREE: Final = Standing("free")
OUTSIDE: Final = Standing("outside")
BY_GRANT: Final = StashKey[Standing]("sender.by_grant")


class Judge:
    """Says how sessions stand and what accounts own."""

    def __init__(self, settings: StandingSettings, context: Context) -> None:
        self._settings = settings
        self._grants = _grants(context) if settings.grants else None
        self.directory: Directory = context.directory

    async def standing(self, transaction: Transaction) -> Standing:
        """How the transaction's session stands now."""
        session = transaction.session
        identity = session.identity
        settings = self._settings
        if identity is not None:
            named = identity.account in settings.exempt_accounts
            if named or identity.groups & settings.exempt_groups:
                return FREE
            return Standing("bound", (identity.account,))
        if self._grants is not None:
            granted = transaction.stash.get(BY_GRANT)
            if granted is None:
                granted = await _by_grant(self._grants, session)
                transaction.stash[BY_GRANT] = granted
            if granted.kind != "outside":
                return granted
        return FREE if self._is_near(session) else OUTSIDE

    def _is_near(self, session: Session) -> bool:
        """A unix socket, or a network that the settings name."""
        if session.peer is None:
            return True
        address = exact(session.peer)
        return any(address in network for network in self._settings.exempt_networks)

    async def owner(self, accounts: Collection[AccountId], address: Address) -> AccountId | None:
        """The first of these accounts that may send as this address."""
        for account in accounts:
            if await self.directory.owns(account, address):
                return account
        return None

    async def is_ours(self, address: Address) -> bool:
        """Whether mail to this address ends here, or would if it existed. Domains that are only
        passed on (a backup's) send from their own hosts: they are not ours in this sense."""
        match await self.directory.resolve(address):
            case Local() | Alias():
                return True
            case UnknownAddress(domain_is_ours):
                return domain_is_ours
            case _:
                return False


async def _by_grant(table: GrantTable, session: Session) -> Standing:
    grants = await table.find(session)
    if any(grant.account is None and not grant.destinations for grant in grants):
        return FREE
    accounts = sorted({grant.account for grant in grants if grant.account is not None})
    if accounts:
        return Standing("bound", tuple(accounts))
    return FREE if grants else OUTSIDE


def _grants(context: Context) -> GrantTable | None:
    try:
        return GrantTable(context.state, context.clock)
    except ConfigError:
        return None  # a site without shared state has no grants
