"""As whom a session may send: its login, or the accounts by whose grants it relays.

Rules of this file:
1. With a login: that account and nobody else, whatever grants there are for its address.
2. Without: what is relayed by grants bound to accounts is theirs, of the one that owns the
   envelope's sender. The relay rule says by whose; at MAIL nothing is relayed yet.
3. Everybody else is outside, also who is covered by a grant and sends to our own accounts: so may
   anybody, and others share the address. Who it covers may show its own address there all the same
   (`protect_local`). A grant for anybody makes a host of ours, held to no account.
4. Exemptions by account and group need a login.
5. Grants are looked up only for `protect_local`, once per transaction; trouble with them is
   temporary.

Issue 3 §3; reliability catalogue §2, "Forged sender", "POP-before-SMTP".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from thurn.plugin import (
    AccountId,
    Address,
    Alias,
    ConfigError,
    Context,
    Directory,
    Local,
    Session,
    StashKey,
    Transaction,
    UnknownAddress,
)
from thurn_kit.grants import RELAYED_FOR, Grant, GrantTable, exact
from thurn_kit.named import NamedAccounts, named_accounts

from thurn_policy_sender.settings import StandingSettings

Kind: TypeAlias = Literal["bound", "free", "outside"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a session stands.

    Attributes:
        kind: "bound" to accounts; "free": a host of ours or somebody exempt; "outside".
        accounts: bound: one of these it must send as; outside: as these it may (`protect_local`).
    """

    kind: Kind
    accounts: tuple[AccountId, ...] = ()


FREE: Final = Standing("free")
OUTSIDE: Final = Standing("outside")
COVERED: Final = StashKey[Standing]("sender.covered")


class Judge:
    """Says how sessions stand and what accounts own."""

    def __init__(self, settings: StandingSettings, context: Context, exempt: NamedAccounts) -> None:
        self._settings = settings
        self._exempt = exempt
        self._grants = _grants(context) if settings.grants else None
        self.directory: Directory = context.directory

    async def standing(self, transaction: Transaction) -> Standing:
        """How the transaction's session stands now."""
        identity = transaction.session.identity
        settings = self._settings
        if identity is not None:
            member = identity.groups & settings.exempt_groups
            if member or await self._exempt.has(identity.account):
                return FREE
            return Standing("bound", (identity.account,))
        relayed_for = transaction.stash.get(RELAYED_FOR)
        if relayed_for and settings.grants:
            return await self._relaying(sorted(relayed_for), transaction.sender)
        if not settings.protect_local:
            return OUTSIDE  # nothing depends on grants
        return FREE if self._is_near(transaction.session) else await self._covered(transaction)

    async def _relaying(self, accounts: list[AccountId], sender: Address | None) -> Standing:
        """Bound to those who own the sender; to all where the relay rule let nobody's pass."""
        owners = [
            account
            for account in accounts
            if sender is not None and await self.directory.owns(account, sender)
        ]
        return Standing("bound", tuple(owners or accounts))

    async def _covered(self, transaction: Transaction) -> Standing:
        """Outside, with the accounts of the grants for the peer; or free by one for anybody."""
        if self._grants is None:
            return OUTSIDE
        covered = transaction.stash.get(COVERED)
        if covered is None:
            covered = _by_grants(await self._grants.find(transaction.session))
            transaction.stash[COVERED] = covered
        return covered

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


async def make_judge(settings: StandingSettings, context: Context) -> Judge:
    """A judge that knows what the exempt accounts' names mean."""
    exempt = await named_accounts(settings.exempt_accounts, context, "exempt_accounts")
    return Judge(settings, context, exempt)


def _by_grants(grants: Sequence[Grant]) -> Standing:
    if any(grant.account is None for grant in grants):
        return FREE
    accounts = {grant.account for grant in grants if grant.account is not None}
    return Standing("outside", tuple(sorted(accounts)))


def _grants(context: Context) -> GrantTable | None:
    try:
        return GrantTable(context.state, context.clock)
    except ConfigError:
        return None  # a site without shared state has no grants
