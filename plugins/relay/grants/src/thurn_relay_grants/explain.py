"""What `thurn relay explain` tells: each relay rule is asked as a peer would make it be asked.

Rules: the rules themselves answer, nothing is guessed from their settings; a rule that does not
permit is asked once more as if the peer had logged in; nothing is written. Who is not told a sender
asks as the account that a grant for this peer is bound to, since only its own addresses may be sent
from by that grant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import click
from thurn.plugin import (
    Accept,
    AccountId,
    Address,
    AddressError,
    Continue,
    Identity,
    PeerAddress,
    Recipient,
    RelayPolicy,
    Session,
    Transaction,
    UnknownAddress,
)
from thurn_kit.commands import CommandSite, find_account, known_as
from thurn_kit.grants import Grant, GrantTable

from thurn_relay_grants.answer import Explanation, RuleAnswer
from thurn_relay_grants.factory import GrantsPolicy
from thurn_relay_grants.show import who_of

DENIED: Final = "refused: 550 5.7.1, no rule permits it"
SOMEBODY: Final = AccountId("somebody")
IDENTIFIER: Final = "explain"
"""Of the session and transaction that rules are asked about; no real one is called so."""
SHOWN: Final = 5
"""Accounts that a hint names."""
NULL_SENDER: Final = "<>"


@dataclass(frozen=True, slots=True)
class Question:
    """What the peer would do.

    Attributes:
        account: it has logged in as this one.
        sender: MAIL FROM; `<>` is the null sender, None: see the module.
    """

    peer: PeerAddress
    recipient: str
    account: str | None = None
    sender: str | None = None
    protocol: str = "smtp"


class _NoJournal:
    """What rules say is told here, not written."""

    def note(self, **facts: object) -> None:
        """Nothing."""

    def stage(self, stage: str, instance: str, decision: str, **facts: object) -> None:
        """Nothing."""


async def explanation(site: CommandSite, question: Question) -> Explanation:
    """Ask every relay rule, in the configuration's order, and add up.

    Raises:
        click.ClickException: an address is none, the recipient is ours, the account unknown.
    """
    recipient = await _recipient(site, question.recipient)
    identity = None
    if question.account is not None:
        account = (await find_account(site, question.account)).account
        question, identity = replace(question, account=account), _identity(account)
    session = _session(question.peer, question.protocol, identity)
    rows = [
        g
        for g in await _near(site, session)
        if g.account is None or identity is None or g.account == identity.account
    ]
    sender = await _sender(
        site, question, identity, [row for row in rows if row.reaches(recipient.address)]
    )
    rules: list[tuple[str, RelayPolicy]] = list(site.instances("relay"))
    transaction = _transaction(session, sender)
    answers = [await _ask(name, policy, transaction, recipient) for name, policy in rules]
    decisive = next((answer for answer in answers if answer.decision != "no opinion"), None)
    permitted = decisive is not None and decisive.decision == "permits"
    verdict = DENIED if decisive is None else f"{decisive.decision}: {decisive.name}"
    hints = () if permitted else await _hints(rules, transaction, recipient)
    names = {a: await known_as(site, a) for row in rows if (a := row.account) is not None}
    return Explanation(
        permitted,
        str(sender or NULL_SENDER),
        f"{question.peer} from {sender or NULL_SENDER} to {recipient.address}: {verdict}",
        tuple(answers),
        tuple(_shown(row, recipient, names) for row in rows),
        tuple(hints),
    )


async def _recipient(site: CommandSite, text: str) -> Recipient:
    address = _address(text)
    found = await site.directory.resolve(address)
    if not isinstance(found, UnknownAddress) or found.domain_is_ours:
        raise click.ClickException(f"{address} is ours: relay rules are not asked")
    return Recipient(address)


async def _sender(
    site: CommandSite, question: Question, identity: Identity | None, rows: Sequence[Grant]
) -> Address | None:
    """As said; else the primary address of the login, or of the first account that has a grant
    and an address."""
    if question.sender is not None:
        return None if question.sender in ("", NULL_SENDER) else _address(question.sender)
    accounts = [g.account for g in rows] if identity is None else [identity.account]
    for account in accounts:
        record = None if account is None else await site.directory.account(account)
        if record is not None and record.address is not None:
            return record.address
    return None


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except AddressError as error:
        raise click.ClickException(f"{text!r} is no address: {error.reason}") from None


def _identity(account: AccountId) -> Identity:
    return Identity(account, account, "PLAIN", secured=True)


def _session(peer: PeerAddress, protocol: str, identity: Identity | None) -> Session:
    return Session(
        id=IDENTIFIER, listener=IDENTIFIER, protocol=protocol, peer=peer, identity=identity
    )


def _transaction(session: Session, sender: Address | None) -> Transaction:
    return Transaction(IDENTIFIER, session, sender, _NoJournal())


async def _ask(
    name: str, policy: RelayPolicy, transaction: Transaction, recipient: Recipient
) -> RuleAnswer:
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
    rules: list[tuple[str, RelayPolicy]], transaction: Transaction, recipient: Recipient
) -> list[str]:
    hints: list[str] = []
    session, sender = transaction.session, transaction.sender
    if session.identity is None and session.peer is not None:
        login = _transaction(_session(session.peer, session.protocol, _identity(SOMEBODY)), sender)
        for name, policy in rules:
            if (await _ask(name, policy, login, recipient)).decision == "permits":
                hints.append(f"it logged in (SMTP AUTH) where the listener asks relay.{name}")
    for name, policy in rules:
        if not isinstance(policy, GrantsPolicy):
            continue
        hints += await _obstacles(policy, transaction, recipient)
        hints.append(
            f"it held a grant (relay.{name}): `thurn relay grant {session.peer} --for 2h "
            "--why …`, or a login to read mail from there where login.popbeforesmtp is on"
        )
    return hints or ["a listener had a relay rule: none is configured"]


async def _obstacles(
    policy: GrantsPolicy, transaction: Transaction, recipient: Recipient
) -> list[str]:
    """What keeps the grants that there are from permitting."""
    found: dict[str, list[str]] = {"sender": [], "account": []}
    try:
        for grant in await policy.covering(transaction.session, recipient):
            if grant.account is None:
                continue
            obstacle = await policy.obstacle(grant.account, transaction)
            if obstacle is not None and grant.account not in found[obstacle]:
                found[obstacle].append(grant.account)
    except Exception:  # noqa: BLE001 - the rule has been asked, and has told this trouble itself
        return []
    hints = []
    if found["sender"]:
        owners = " or ".join(f"{account}'s" for account in found["sender"][:SHOWN])
        hints.append(f"the sender were one of {owners} addresses")
    if found["account"]:
        names = " or ".join(found["account"][:SHOWN])
        hints.append(
            f"the account of its grant ({names}) were enabled for {transaction.session.protocol}"
        )
    return hints


def _shown(row: Grant, recipient: Recipient, names: Mapping[AccountId, str]) -> str:
    text = f"{who_of(row, names)} from {row.source}, "
    text += f"{row.remaining_seconds:.0f} s left, by {row.granted_by}"
    if not row.reaches(recipient.address):
        text += f"; not to {recipient.address.domain}, only to {', '.join(row.destinations)}"
    return f"{text}: {row.reason}"
