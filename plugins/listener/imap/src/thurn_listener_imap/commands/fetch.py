"""FETCH and UID FETCH. RFC 9051 §6.4.5, RFC 7162 §3.1.4."""

from __future__ import annotations

from thurn_wire.imap import code
from thurn_wire.imap.command import Fetch
from thurn_wire.imap.fetch import MODSEQ
from thurn_wire.imap.reply import CommandError, Reply, no, ok

from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.fetch.run import Fetching, Outcome
from thurn_listener_imap.fetch.source import AccountPlaces, Sources
from thurn_listener_imap.mailbox.numbers import Span, positions_above, spans_at
from thurn_listener_imap.mailbox.selected import Selected
from thurn_listener_imap.permission import SEEN
from thurn_listener_imap.refusal import NO_SUCH_MESSAGE, is_trouble, reply_to


async def fetch(conversation: Conversation, command: Fetch) -> Reply:
    """Reply for each message of the set; EXPUNGE of others only with UID FETCH.

    Raises:
        StorageError: the store failed between two messages.
        CutOff: a literal could not be ended; the session has to.
    """
    site, selected = conversation.site, conversation.mailbox
    if command.changed_since is not None or MODSEQ in command.items:
        conversation.enable_condstore()
    spans = wanted_spans(selected, command)
    if command.changed_since is not None:
        modseqs = selected.told.modseqs
        spans = spans_at(positions_above(spans, modseqs, command.changed_since))
    plan = site.extensions.plan(
        command.items, uid=command.uid, modseq=command.changed_since is not None
    )
    fetching = Fetching(
        selected,
        plan,
        conversation,
        Sources(AccountPlaces(conversation.account.account, site.places), site.spool),
        sets_seen=not selected.read_only and SEEN in selected.rights,
        with_modseq=conversation.condstore,
    )
    outcome = await fetching.run(spans)
    await conversation.tell_updates(may_expunge=command.uid, uid=command.uid, own=outcome.own)
    return _answer(conversation, command, outcome)


def wanted_spans(selected: Selected, command: Fetch) -> list[Span]:
    """The positions that a command means.

    Raises:
        CommandError: a message number that does not exist. RFC 9051 §9 (seq-number).
    """
    try:
        return selected.spans(command.sequence, uid=command.uid)
    except ValueError as error:
        raise CommandError(NO_SUCH_MESSAGE) from error


def _answer(conversation: Conversation, command: Fetch, outcome: Outcome) -> Reply:
    for failure in outcome.failures:
        if is_trouble(failure):
            conversation.report("message.unreadable", failure)
    # A full disk does not keep anybody from reading: the FETCH itself was done.
    for failure in filter(is_trouble, outcome.unmarked[:1]):
        conversation.report("message.unmarked", failure)
    if outcome.failures:
        return reply_to(outcome.failures[0])
    if outcome.undecodable:
        # RFC 3516 §4.3.
        return no("A part cannot be decoded", code.UNKNOWN_CTE)
    if outcome.gone and not command.uid:
        # RFC 5530 §3, RFC 2180 §4.1: OK, the others were answered; a NOOP tells who is gone.
        return ok("FETCH done, but some of the messages are gone", code.EXPUNGEISSUED)
    return ok("FETCH done")
