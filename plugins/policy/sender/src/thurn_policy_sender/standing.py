"""The accounts whose addresses a session may use: its login, or the accounts whose grants it uses.

Rules of this file:
1. A login may use the addresses of its account only, whatever grants there are for its peer.
2. Without a login, mail that is relayed by bound grants may use the addresses of their accounts; if
   one of them owns the envelope's sender, only its addresses. The relay rule marks the accounts, so
   at MAIL there are none yet.
3. All other sessions are outside, even if a grant covers the peer and the mail is for the site's
   own accounts: everybody may send such mail, and others share the address. With `protect_local`
   the account of the grant may still use its own addresses. A peer with a grant for everybody is
   bound to no account. See docs/adr/0002.
4. Exemptions by account and group need a login.
5. Grants are looked up only for `protect_local`, once per transaction; a failure is temporary.
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
"""How a session is checked: by accounts, not at all, or only by `protect_local`."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a session is checked.

    Attributes:
        kind: "bound" to accounts, "free" (a host of the site, or exempt), or "outside".
        accounts: for "bound", one of them must own the sender; for "outside", they may use their
            own addresses in spite of `protect_local`.
    """

    kind: Kind
    accounts: tuple[AccountId, ...] = ()


FREE: Final = Standing("free")
"""The standing of a session that is not checked."""
OUTSIDE: Final = Standing("outside")
"""The standing of a session without a login and grants."""
COVERED: Final = StashKey[Standing]("sender.covered")
"""On a transaction: the standing by the grants for its peer, looked up once."""


class Judge:
    """Decides how sessions are checked, and who owns an address."""

    def __init__(self, settings: StandingSettings, context: Context, exempt: NamedAccounts) -> None:
        self._settings = settings
        self._exempt = exempt
        self._grants = _grants(context) if settings.grants else None
        self.directory: Directory = context.directory

    async def standing(self, transaction: Transaction) -> Standing:
        """The standing of the transaction's session now."""
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
        """Bound to the accounts that own the sender; to all if the relay rule did not check it."""
        owners = [
            account
            for account in accounts
            if sender is not None and await self.directory.owns(account, sender)
        ]
        return Standing("bound", tuple(owners or accounts))

    async def _covered(self, transaction: Transaction) -> Standing:
        """Outside with the accounts of the grants for the peer, or free by a grant for
        everybody."""
        if self._grants is None:
            return OUTSIDE
        covered = transaction.stash.get(COVERED)
        if covered is None:
            covered = _by_grants(await self._grants.find(transaction.session))
            transaction.stash[COVERED] = covered
        return covered

    def _is_near(self, session: Session) -> bool:
        """Whether the peer is on a unix socket, or in a network of `exempt_networks`."""
        if session.peer is None:
            return True
        address = exact(session.peer)
        return any(address in network for network in self._settings.exempt_networks)

    async def owner(self, accounts: Collection[AccountId], address: Address) -> AccountId | None:
        """The first of the accounts that owns the address, or None."""
        for account in accounts:
            if await self.directory.owns(account, address):
                return account
        return None

    async def is_ours(self, address: Address) -> bool:
        """Whether the address is at a domain of the accounts, known or not.

        Domains that are only passed on (backup MX) do not count, since they send from other hosts.
        """
        match await self.directory.resolve(address):
            case Local() | Alias():
                return True
            case UnknownAddress(domain_is_ours):
                return domain_is_ours
            case _:
                return False


async def make_judge(settings: StandingSettings, context: Context) -> Judge:
    """A judge for these settings; it has looked up the names of the exempt accounts."""
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
