"""The explanation of `thurn relay explain`: each relay rule is asked as a listener would ask it.

Rules of this file:
1. The relay rules themselves answer; nothing is guessed from their settings, and nothing is
   written.
2. If no rule permits, the rules are asked again as if the peer had logged in.
3. Without a sender, the question uses an address of the account that a grant for the peer is bound
   to, since that grant permits only senders of the account.
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
"""The id of the session and transaction that rules are asked about; real ids never look like it."""
SHOWN: Final = 5
"""Accounts that a hint names, so that it stays on a line."""
NULL_SENDER: Final = "<>"
"""The null sender as people write it."""


@dataclass(frozen=True, slots=True)
class Question:
    """The mail that a peer would send.

    Attributes:
        peer: the peer's address.
        recipient: the address at RCPT.
        account: the account of the login; None without a login.
        sender: the address at MAIL; `<>` for the null sender, None for rule 3 of the module.
        protocol: the listener's protocol.
    """

    peer: PeerAddress
    recipient: str
    account: str | None = None
    sender: str | None = None
    protocol: str = "smtp"


class _NoJournal:
    """A journal that keeps nothing: the answers are in the explanation."""

    def note(self, **facts: object) -> None:
        """Do nothing."""

    def stage(self, stage: str, instance: str, decision: str, **facts: object) -> None:
        """Do nothing."""


async def explanation(site: CommandSite, question: Question) -> Explanation:
    """Ask every relay rule in the order of the configuration, and explain the result.

    Raises:
        click.ClickException: a text is not an address, the recipient is at a domain of the site, or
            the account is unknown.
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
    meaning = await site.directory.resolve(address)
    if not isinstance(meaning, UnknownAddress) or meaning.domain_is_ours:
        raise click.ClickException(
            f"{address} is at a domain of this site, for which relay rules are not asked"
        )
    return Recipient(address)


async def _sender(
    site: CommandSite, question: Question, identity: Identity | None, rows: Sequence[Grant]
) -> Address | None:
    """The given sender; else the primary address of the login, or of the first account with one
    among those that have grants."""
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
        raise click.ClickException(f"{text!r} is not an address: {error.reason}") from None


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
    except Exception as error:  # noqa: BLE001 - as in the chain runner, errors are temporary
        return RuleAnswer(name, "temporarily refuses", f"{type(error).__name__}: {error}")
    if answer is None or isinstance(answer, Continue):
        return RuleAnswer(name, "no opinion", "" if answer is None else answer.detail)
    if isinstance(answer, Accept):
        return RuleAnswer(name, "permits", answer.detail or answer.reason)
    return RuleAnswer(name, "refuses", f"{answer.status} {answer.reason} {answer.detail}".strip())


async def _near(site: CommandSite, session: Session) -> list[Grant]:
    """The rows for this peer, whatever account they are bound to."""
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
    """The reasons why existing grants do not permit the mail."""
    accounts: dict[str, list[str]] = {"sender": [], "account": []}
    try:
        for grant in await policy.covering(transaction.session, recipient):
            if grant.account is None:
                continue
            obstacle = await policy.obstacle(grant.account, transaction)
            if obstacle is not None and grant.account not in accounts[obstacle]:
                accounts[obstacle].append(grant.account)
    except Exception:  # noqa: BLE001 - the rule's own answer shows the error already
        return []
    hints = []
    if accounts["sender"]:
        owners = " or ".join(f"{account}'s" for account in accounts["sender"][:SHOWN])
        hints.append(f"the sender were one of {owners} addresses")
    if accounts["account"]:
        names = " or ".join(accounts["account"][:SHOWN])
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
