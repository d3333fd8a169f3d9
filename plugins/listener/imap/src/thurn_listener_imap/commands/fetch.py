r"""FETCH and UID FETCH.

    C: 1 FETCH 1 (FLAGS RFC822.SIZE)
    S: * 1 FETCH (FLAGS (\Seen) RFC822.SIZE 44)
    S: 1 OK FETCH done

RFC 9051 §6.4.5, RFC 7162 §3.1.4.
"""

from __future__ import annotations

from thurn_wire.imap import code
from thurn_wire.imap.command import Fetch
from thurn_wire.imap.fetch import MODSEQ

from thurn_listener_imap.answer import NO_SUCH_MESSAGE, Answer, CommandRefused, done, refused
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.fetch.fetching import Fetching, FetchReport
from thurn_listener_imap.fetch.source import Sources
from thurn_listener_imap.mailbox.numbers import positions_above, spans_at
from thurn_listener_imap.permission import SEEN
from thurn_listener_imap.refusal import answer_to, is_internal


async def fetch(conversation: Conversation, command: Fetch) -> Answer:
    """Answer for each message of the set; only UID FETCH also tells EXPUNGE.

    Raises:
        CommandRefused: a message number does not exist. RFC 9051 §9 (seq-number).
        StorageError: the store failed between two messages.
        CutOff: a literal could not be written to its end; the session has to end.
    """
    parts, selected = conversation.parts, conversation.mailbox
    if command.changed_since is not None or MODSEQ in command.items:
        conversation.enable_condstore()
    try:
        spans = selected.spans(command.sequence, uid=command.uid)
    except ValueError as error:
        raise CommandRefused(NO_SUCH_MESSAGE) from error
    if command.changed_since is not None:
        modseqs = selected.told.modseqs
        spans = spans_at(positions_above(spans, modseqs, command.changed_since))
    plan = parts.extensions.plan(
        command.items, uid=command.uid, modseq=command.changed_since is not None
    )
    fetching = Fetching(
        selected,
        plan,
        conversation,
        Sources(conversation.account.account, parts.known_parts, parts.spool),
        sets_seen=not selected.read_only and SEEN in selected.rights,
        with_modseq=conversation.condstore,
    )
    report = await fetching.run(spans)
    await conversation.tell_updates(may_expunge=command.uid, uid=command.uid, own=report.own)
    return _answer(conversation, command, report)


def _answer(conversation: Conversation, command: Fetch, report: FetchReport) -> Answer:
    for failure in report.failures:
        if is_internal(failure):
            conversation.report("message.unreadable", failure)
    # A full disk does not keep anybody from reading: the FETCH itself was done.
    for failure in filter(is_internal, report.unmarked[:1]):
        conversation.report("message.not_marked", failure)
    if report.failures:
        return answer_to(report.failures[0])
    if report.undecodable:
        # RFC 3516 §4.3.
        return refused("A part cannot be decoded", code.UNKNOWN_CTE)
    if report.gone and not command.uid:
        # RFC 5530 §3, RFC 2180 §4.1: OK, since the others were answered; a NOOP tells who is gone.
        return done("FETCH done, but some of the messages are gone", code.EXPUNGEISSUED)
    return done("FETCH done")
