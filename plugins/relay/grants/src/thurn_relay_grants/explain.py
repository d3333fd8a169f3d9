"""What `thurn relay explain` tells: each relay rule is asked as a peer would make it be asked.

Rules: the rules themselves answer, nothing is guessed from their settings; a rule that does not
permit is asked once more as if the peer had logged in; nothing is written.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import click
from thurn.contracts.account import Local, UnknownAddress
from thurn.contracts.relay import RelayPolicy
from thurn.plugin import Accept, Address, Continue, Recipient, Session, Transaction
from thurn.plugin.commands import CommandSite
from thurn.plugin.grants import Grant, GrantTable
from thurn.types.address import AddressError
from thurn.types.identity import AccountId, Identity
from thurn.types.session import PeerAddress

from thurn_relay_grants.factory import GrantsPolicy

DENIED: Final = "refused: 550 5.7.1, no rule permits it"
SOMEBODY: Final = AccountId("somebody")
IDENTIFIER: Final = "explain"
"""Of the session and transaction that rules are asked about; no real one is called so."""


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """What one instance says."""

    name: str
    decision: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole story."""

    permitted: bool
    verdict: str
    rules: tuple[RuleAnswer, ...]
    grants: tuple[str, ...]
    would_pass_if: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


class _NoJournal:
    """What rules say is told here, not written."""

    def note(self, **facts: object) -> None:
        """Nothing."""

    def stage(self, stage: str, instance: str, decision: str, **facts: object) -> None:
        """Nothing."""


async def explanation(
    site: CommandSite, peer: PeerAddress, account: str | None, to: str, protocol: str
) -> Explanation:
    """Ask every relay rule, in the configuration's order, and add up.

    Raises:
        click.ClickException: the recipient is no address, or no rule is configured.
    """
    recipient = await _recipient(site, to)
    identity = None if account is None else _identity(await _account(site, account))
    session = _session(peer, protocol, identity)
    rules: list[tuple[str, RelayPolicy]] = list(site.instances("relay"))
    answers = [await _ask(name, policy, session, recipient) for name, policy in rules]
    rows = [g for g in await _near(site, session) if g.account is None or identity is None
            or g.account == identity.account]  # fmt: skip
    decisive = next((answer for answer in answers if answer.decision != "no opinion"), None)
    permitted = decisive is not None and decisive.decision == "permits"
    verdict = DENIED if decisive is None else f"{decisive.decision}: {decisive.name}"
    hints = () if permitted else await _hints(rules, session, recipient, rows)
    return Explanation(
        permitted, f"{peer} to {recipient.address}: {verdict}", tuple(answers),
        tuple(_shown(row, recipient) for row in rows), tuple(hints),
    )  # fmt: skip


async def _recipient(site: CommandSite, text: str) -> Recipient:
    try:
        address = Address.parse(text)
    except AddressError as error:
        raise click.ClickException(f"{text!r} is no address: {error.reason}") from None
    found = await site.directory.resolve(address)
    ours = isinstance(found, Local) or (isinstance(found, UnknownAddress) and found.domain_is_ours)
    if ours:
        raise click.ClickException(f"{address} is ours: relay rules are not asked")
    return Recipient(address)


async def _account(site: CommandSite, name: str) -> AccountId:
    if await site.directory.account(AccountId(name)) is None:
        raise click.ClickException(f"there is no account {name!r}")
    return AccountId(name)


def _identity(account: AccountId) -> Identity:
    return Identity(account, account, "PLAIN", secured=True)


def _session(peer: PeerAddress, protocol: str, identity: Identity | None) -> Session:
    return Session(
        id=IDENTIFIER, listener=IDENTIFIER, protocol=protocol, peer=peer, identity=identity
    )


async def _ask(
    name: str, policy: RelayPolicy, session: Session, recipient: Recipient
) -> RuleAnswer:
    transaction = Transaction(IDENTIFIER, session, None, _NoJournal())
    try:
        answer = await policy.may_relay(transaction, recipient)
    except Exception as error:  # noqa: BLE001 - as the chain runner: trouble is temporary
        return RuleAnswer(name, "temporarily refuses", f"{type(error).__name__}: {error}")
    if answer is None or isinstance(answer, Continue):
        return RuleAnswer(name, "no opinion", "" if answer is None else answer.detail)
    if isinstance(answer, Accept):
        return RuleAnswer(name, "permits", answer.detail or answer.reason)
    return RuleAnswer(name, "refuses", f"{answer.status} {answer.reason} {answer.detail}".strip())


async def _near(site: CommandSite, session: Session) -> list[Grant]:
    """The rows for this peer, whoever they are bound to."""
    stranger = _session(session.peer, session.protocol, None) if session.peer else session
    return list(await GrantTable(site.state, site.clock).find(stranger))


async def _hints(
    rules: list[tuple[str, RelayPolicy]],
    session: Session,
    recipient: Recipient,
    rows: list[Grant],
) -> list[str]:
    hints: list[str] = []
    if session.identity is None and session.peer is not None:
        login = _session(session.peer, session.protocol, _identity(SOMEBODY))
        for name, policy in rules:
            if (await _ask(name, policy, login, recipient)).decision == "permits":
                hints.append(f"it logged in (SMTP AUTH) where the listener asks relay.{name}")
    for name, policy in rules:
        if not isinstance(policy, GrantsPolicy):
            continue
        if any(row.reaches(recipient.address) for row in rows):
            hints.append(f"the account of its grant were enabled for {session.protocol}")
        hints.append(
            f"it held a grant (relay.{name}): `thurn relay grant {session.peer} --for 2h "
            "--why …`, or a login to read mail from there where login.popbeforesmtp is on"
        )
    return hints or ["a listener had a relay rule: none is configured"]


def _shown(row: Grant, recipient: Recipient) -> str:
    who = row.account or "anybody"
    text = f"{who} from {row.source}, {row.remaining_seconds:.0f} s left, by {row.granted_by}"
    if not row.reaches(recipient.address):
        text += f"; not to {recipient.address.domain}, only to {', '.join(row.destinations)}"
    return f"{text}: {row.reason}"
