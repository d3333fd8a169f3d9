"""Judges connection, hello, sender and recipient: the stages before the content.

Rules of this file:
1. `Accept` ends the chain of its stage and nothing else.
2. Only the relay chain permits relaying, and it ends in refusal.
3. A refusal at connection, hello or sender is remembered and answered at RCPT, unless the
   listener's `reject_at` is "once".
4. The recipient chain is asked about recipients of this site, and the relay chain about all others.
5. The id of the transaction or session is in every refusal, so that `thurn explain` finds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from thurn.contracts.policy import TransactionOutcome
from thurn.directory.expansion import Expansion, expand
from thurn.mailflow.plan import FlowPlan
from thurn.mailflow.sessionrules import begin_transaction, end_transaction
from thurn.mailflow.stages import (
    CONNECTION,
    HELLO,
    Judgement,
    ask_connection,
    ask_hello,
    ask_recipient,
    ask_relay,
    ask_sender,
)
from thurn.mailflow.trace import peer_text
from thurn.telemetry.journal import JournalRecord
from thurn.types.address import Address
from thurn.types.decision import Accept, Disconnect, Refusal, Reject, Tempfail
from thurn.types.envelope import Recipient
from thurn.types.errors import status_of
from thurn.types.session import Session, Transaction
from thurn.types.stash import StashKey
from thurn.types.status import LOCAL_ERROR, RELAY_DENIED, STORAGE_FULL, UNKNOWN_ACCOUNT, Status

REFUSAL: Final = StashKey[Refusal]("mailflow.refusal")
"""A refusal that is answered at RCPT: of the sender stage, or of a stage before it."""
ENTRY: Final = StashKey[JournalRecord]("mailflow.entry")
EARLY: Final = StashKey[JournalRecord]("mailflow.early")
"""What was decided at connection and hello, before there was a transaction."""
ACCEPTED: Final = Accept()
TAKEN: Final = frozenset({"stored", "queued", "discarded"})
"""The outcomes of messages that were answered with success."""
_LOGIN_REQUIRED: Final = Reject(
    "login.required", "Authentication required", 530, "5.7.0"
)  # RFC 4954 §6
_NO_SPACE: Final = Tempfail(
    "storage.reserve", STORAGE_FULL.text, STORAGE_FULL.code, STORAGE_FULL.enhanced
)

Answer = Accept | Disconnect | Reject | Tempfail


def trouble_of(error: Exception) -> Status:
    """The answer after an error. It is always temporary, because an error is not a verdict."""
    status = status_of(error)
    return status if status.is_temporary else LOCAL_ERROR


def as_refusal(status: Status, reason: str, detail: str = "") -> Reject | Tempfail:
    """A status as a decision."""
    kind = Reject if status.is_permanent else Tempfail
    return kind(reason, status.text, status.code, status.enhanced, detail)


async def judge_connection(plan: FlowPlan, session: Session) -> Answer:
    """The connection stage."""
    if not plan.chains.connection:
        return ACCEPTED
    early = _early_record(plan, session, CONNECTION.name)
    answer = await ask_connection(plan.chains.connection, session, early)
    return _judge_early(plan, session, early, answer)


async def judge_hello(plan: FlowPlan, session: Session, name: str) -> Answer:
    """The hello stage."""
    if not plan.chains.hello:
        return ACCEPTED
    early = _early_record(plan, session, HELLO.name)
    answer = await ask_hello(plan.chains.hello, session, early, name)
    return _judge_early(plan, session, early, answer)


def _early_record(plan: FlowPlan, session: Session, stage_name: str) -> JournalRecord:
    """The journal's record of connection and hello. Of several hellos only the last one is kept, so
    that the record stays small."""
    early = session.stash.get(EARLY) or plan.journal.begin(session.id, **_facts(session))
    session.stash[EARLY] = early
    early.stages[:] = [stage for stage in early.stages if stage["stage"] != stage_name]
    return early


def _judge_early(
    plan: FlowPlan, session: Session, early: JournalRecord, answer: Judgement
) -> Answer:
    if answer is None or isinstance(answer, Accept):
        return ACCEPTED
    if isinstance(answer, Disconnect) or plan.settings.reject_at == "once":
        record = plan.journal.begin(session.id, **_facts(session))
        record.stages.extend(early.stages)
        record.note(outcome="refused", status=str(answer.status), reason=answer.reason)
        plan.journal.write(record)
        plan.lines.session_refused(session, answer.status, answer.reason)
        return named(answer, session.id)
    session.remembered = session.remembered or answer
    return ACCEPTED


def _facts(session: Session) -> dict[str, str]:
    """What a journal record says about the session."""
    facts = {
        "session": session.id,
        "listener": session.listener,
        "peer": peer_text(session.peer),
        "hello": session.hello[:255],
    }
    if session.tls is not None:
        at_proxy = " at the proxy" if session.tls.at_proxy else ""
        facts["tls"] = f"{session.tls.version}{at_proxy}"
    return facts


def _add_early(entry: JournalRecord, session: Session) -> None:
    """Add the decisions of connection and hello to the record of the session's first transaction,
    and to that of each transaction that is refused because of them."""
    early = session.stash.get(EARLY)
    if early is not None:
        entry.stages.extend(early.stages)
        if session.remembered is None:
            early.stages.clear()


def named(answer: Refusal, identifier: str) -> Refusal:
    """The refusal with an id in its text."""
    return replace(answer, text=f"{answer.text} ({identifier})")


async def judge_sender(
    plan: FlowPlan, session: Session, sender: Address | None, parameters: Mapping[str, str | None]
) -> Transaction | Refusal:
    """The sender stage: returns a transaction, or the refusal."""
    settings = plan.settings
    identifier = plan.ids.make()
    entry = plan.journal.begin(
        identifier, **_facts(session), sender="" if sender is None else str(sender)
    )
    _add_early(entry, session)
    transaction = Transaction(identifier, session, sender, entry, parameters)
    transaction.stash[ENTRY] = entry
    begin_transaction(transaction)
    if session.identity is not None:
        entry.note(account=session.identity.account)
    refusal = own = _own_refusal(plan, session)
    refusal = refusal or session.remembered
    if refusal is None and plan.chains.sender:
        answer = await ask_sender(plan.chains.sender, transaction, sender)
        refusal = None if answer is None or isinstance(answer, Accept) else answer
    if refusal is not None:
        if own or isinstance(refusal, Disconnect) or settings.reject_at == "once":
            # With less than half of the reserve, not even the journal gets a line.
            if own is not _NO_SPACE or 2 * plan.free_octets() > settings.reserve_octets:
                close_entry(plan, transaction, "refused", refusal.status, refusal.reason)
            return named(refusal, identifier)
        transaction.stash[REFUSAL] = refusal
    return transaction


def _own_refusal(plan: FlowPlan, session: Session) -> Refusal | None:
    """The host's own refusal at MAIL, whatever the rules say."""
    if plan.settings.require_login and session.identity is None:
        return _LOGIN_REQUIRED
    return _NO_SPACE if plan.free_octets() < plan.settings.reserve_octets else None


async def judge_recipient(plan: FlowPlan, transaction: Transaction, recipient: Recipient) -> Answer:
    """The recipient stage."""
    answer = await _judge_recipient(plan, transaction, recipient)
    if not isinstance(answer, Accept):
        transaction.journal.stage(
            "rcpt",
            str(recipient.address),
            type(answer).__name__.lower(),
            reason=answer.reason,
            status=str(answer.status),
        )
        address = recipient.address
        plan.lines.recipient_refused(transaction, address, answer.status, answer.reason)
        return named(answer, transaction.id)
    return answer


async def _judge_recipient(
    plan: FlowPlan, transaction: Transaction, recipient: Recipient
) -> Answer:
    refusal = transaction.stash.get(REFUSAL)
    if refusal is not None:
        return refusal
    try:
        expansion = await _expand(plan, transaction, recipient)
    except Exception as error:  # noqa: BLE001 - a directory that fails is never "unknown"
        plan.diagnostics.error(
            "directory.failed", address=str(recipient.address), failure=repr(error)
        )
        return as_refusal(trouble_of(error), "directory.trouble", repr(error))
    if expansion.foreign:
        permitted = await _may_relay(plan, transaction, recipient)
        if not isinstance(permitted, Accept):
            return permitted
    elif not expansion.targets:
        unknown = "alias.dangling" if expansion.alias else "recipient.unknown"
        return as_refusal(UNKNOWN_ACCOUNT, unknown)
    elif plan.chains.recipient:
        answer = await ask_recipient(plan.chains.recipient, transaction, recipient)
        if answer is not None and not isinstance(answer, Accept):
            return answer
    refusal = await _lack_of_room(plan, transaction, expansion)
    if refusal is not None:
        return refusal
    transaction.recipients.append(recipient)
    transaction.targets.append(expansion.targets)
    return ACCEPTED


async def _expand(plan: FlowPlan, transaction: Transaction, recipient: Recipient) -> Expansion:
    journal = transaction.journal
    expansion = await expand(plan.directory, recipient, journal)
    postmaster = plan.settings.postmaster
    address = recipient.address
    if (
        (expansion.foreign or not expansion.targets)
        and postmaster is not None
        and address.local.lower() == "postmaster"
        and (address.domain == plan.settings.hostname or not expansion.foreign)
        and address != postmaster
    ):
        # RFC 5321 §4.5.1: mail to postmaster is always accepted.
        return await expand(plan.directory, Recipient(postmaster, original=address), journal)
    return expansion


async def _lack_of_room(
    plan: FlowPlan, transaction: Transaction, expansion: Expansion
) -> Reject | Tempfail | None:
    """The refusal of a recipient whose copies no account may store; None: one may, or some go
    elsewhere. Guards judge again at the end of data."""
    declared = transaction.parameters.get("SIZE") or ""
    size_octets = int(declared) if declared.isdecimal() else 0
    refusal = None
    for target in expansion.targets:
        if target.account is None:
            return None
        try:
            await plan.delivery.local.check_room(target.account, size_octets)
        except Exception as error:  # noqa: BLE001 - whatever a guard raises has a status
            refusal = as_refusal(status_of(error), "guard.refused", repr(error))
        else:
            return None
    return refusal


async def _may_relay(plan: FlowPlan, transaction: Transaction, recipient: Recipient) -> Answer:
    """Ask the relay chain; if no rule permits it, the answer is a refusal."""
    denied = as_refusal(RELAY_DENIED, "relay.denied")
    if not plan.chains.relay:
        return denied
    answer = await ask_relay(plan.chains.relay, transaction, recipient)
    if answer is None:
        return denied
    if isinstance(answer, Accept) and plan.delivery.queue is None:
        return Tempfail("queue.missing", detail="the site has no queue: set site.queue")
    return answer


def close_entry(
    plan: FlowPlan,
    transaction: Transaction,
    outcome: TransactionOutcome,
    status: Status,
    reason: str = "",
) -> None:
    """Write the transaction's line, and tell rules of the session that it has ended."""
    end_transaction(transaction, outcome)
    entry = transaction.stash.get(ENTRY)
    if entry is None:
        return
    entry.note(outcome=outcome, status=str(status))
    if reason:
        entry.note(reason=reason)
    if "recipients" not in entry.facts:
        entry.note(recipients=[str(r.address) for r in transaction.recipients[:100]])
    plan.journal.write(entry)
    _log(plan, transaction, entry, outcome, status)


def _log(
    plan: FlowPlan,
    transaction: Transaction,
    entry: JournalRecord,
    outcome: TransactionOutcome,
    status: Status,
) -> None:
    """Write the line of the operator's log; what the peer abandoned has none."""
    size_octets = entry.facts.get("size")
    if outcome in TAKEN:
        plan.lines.accepted(transaction, status, outcome, size_octets)
    elif outcome != "abandoned":
        plan.lines.refused(transaction, status, entry.reason, size_octets)
