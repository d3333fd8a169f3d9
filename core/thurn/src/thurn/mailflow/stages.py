"""The stages of the mail flow: each is a typed loop over the rules of its chain.

Rules of this file: rules are asked in the configuration's order. The first answer other than
Continue ends the stage, and only this stage. None means that no rule had an opinion.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from thurn.chain.rule import Stage
from thurn.chain.runner import Chain
from thurn.contracts.filter import MessageFilter
from thurn.contracts.policy import ConnectionPolicy, HelloPolicy, RecipientPolicy, SenderPolicy
from thurn.contracts.relay import RelayPolicy
from thurn.delivery.edits import edit_header
from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.decision import (
    Accept,
    Continue,
    Discard,
    Disconnect,
    Edit,
    Quarantine,
    Refusal,
    Reject,
    Tempfail,
)
from thurn.types.envelope import Recipient
from thurn.types.session import JournalEntry, Session, Transaction

SESSION_SECONDS: Final = 30.0
"""Most seconds of each stage before the content; a peer waits 300 s (RFC 5321 §4.5.3.2)."""
FILTER_SECONDS: Final = 120.0
"""Most seconds of all filters of one message; a peer waits 600 s for the answer to the end of data
(RFC 5321 §4.5.3.2.6)."""

_DECISIONS: Final = (Continue, Accept, Reject, Tempfail, Disconnect)

CONNECTION: Final[Stage[ConnectionPolicy]] = Stage(
    "connect", "check_connection", _DECISIONS, SESSION_SECONDS
)
HELLO: Final[Stage[HelloPolicy]] = Stage("hello", "check_hello", _DECISIONS, SESSION_SECONDS)
SENDER: Final[Stage[SenderPolicy]] = Stage("sender", "check_sender", _DECISIONS, SESSION_SECONDS)
RECIPIENT: Final[Stage[RecipientPolicy]] = Stage(
    "recipient", "check_recipient", _DECISIONS, SESSION_SECONDS
)
RELAY: Final[Stage[RelayPolicy]] = Stage("relay", "may_relay", _DECISIONS, SESSION_SECONDS)
FILTER: Final[Stage[MessageFilter]] = Stage(
    "filter", "check_message", (*_DECISIONS, Discard, Quarantine), FILTER_SECONDS
)

Judgement: TypeAlias = Accept | Refusal | None
"""The answer of a stage before the content; None: no rule had an opinion."""


async def ask_connection(
    chain: Chain[ConnectionPolicy], session: Session, journal: JournalEntry
) -> Judgement:
    """Ask about a peer that has connected."""
    run = chain.begin(session.id, journal)
    for rule in run.rules:
        answer = await run.ask(rule, rule.product.check_connection, session)
        if not isinstance(answer, Continue):
            return answer
    return None


async def ask_hello(
    chain: Chain[HelloPolicy], session: Session, journal: JournalEntry, name: str
) -> Judgement:
    """Ask about the name that a peer gives."""
    run = chain.begin(session.id, journal)
    for rule in run.rules:
        answer = await run.ask(rule, rule.product.check_hello, session, name)
        if not isinstance(answer, Continue):
            return answer
    return None


async def ask_sender(
    chain: Chain[SenderPolicy], transaction: Transaction, sender: Address | None
) -> Judgement:
    """Ask about the envelope's sender."""
    run = chain.begin(transaction.id, transaction.journal)
    for rule in run.rules:
        answer = await run.ask(rule, rule.product.check_sender, transaction, sender)
        if not isinstance(answer, Continue):
            return answer
    return None


async def ask_recipient(
    chain: Chain[RecipientPolicy], transaction: Transaction, recipient: Recipient
) -> Judgement:
    """Ask about a recipient of this site."""
    run = chain.begin(transaction.id, transaction.journal)
    for rule in run.rules:
        answer = await run.ask(rule, rule.product.check_recipient, transaction, recipient)
        if not isinstance(answer, Continue):
            return answer
    return None


async def ask_relay(
    chain: Chain[RelayPolicy], transaction: Transaction, recipient: Recipient
) -> Judgement:
    """Ask whether mail for a recipient elsewhere may pass."""
    run = chain.begin(transaction.id, transaction.journal)
    for rule in run.rules:
        answer = await run.ask(rule, rule.product.may_relay, transaction, recipient)
        if not isinstance(answer, Continue):
            return answer
    return None


@dataclass(frozen=True, slots=True)
class Filtered:
    """What the filters made of a message.

    Attributes:
        decision: the decisive answer; None: no filter had one.
        content: the message with all edits of its header.
        edits: all edits in their order; those of the envelope are still to be carried out.
    """

    decision: Accept | Refusal | Discard | Quarantine | None
    content: Content
    edits: list[Edit] = field(default_factory=list)


async def ask_filters(
    chain: Chain[MessageFilter], transaction: Transaction, content: Content
) -> Filtered:
    """Ask about a whole message; a filter sees the edits of the filters before it.

    Raises:
        ValueError: an edit that cannot stand in a header (line ends, controls).
    """
    edits: list[Edit] = []
    run = chain.begin(transaction.id, transaction.journal)
    for rule in run.rules:
        answer = await run.ask(rule, rule.product.check_message, transaction, content)
        if isinstance(answer, Continue | Accept | Quarantine) and answer.edits:
            content = edit_header(content, answer.edits)
            edits.extend(answer.edits)
        if not isinstance(answer, Continue):
            return Filtered(answer, content, edits)
    return Filtered(None, content, edits)
