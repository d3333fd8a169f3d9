r"""EXPUNGE and UID EXPUNGE: remove what is \Deleted.

    C: 1 EXPUNGE
    S: * 2 EXPUNGE
    S: 1 OK EXPUNGE done

RFC 9051 §6.4.3, §6.4.9.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator
from typing import Final

import trio
from thurn.plugin import Mailbox, View
from thurn_wire.imap import code
from thurn_wire.imap.command import Expunge
from thurn_wire.imap.sequence import SequenceSet

from thurn_listener_imap.answer import Answer, done
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.limits import CHANGE_MESSAGES, LOOK_MESSAGES
from thurn_listener_imap.mailbox.flags import DELETED
from thurn_listener_imap.mailbox.numbers import uids_at
from thurn_listener_imap.permission import EXPUNGE

LOOKS: Final = 3
"""Most looks for messages to remove. A further one would be needed only if another worker changed
the same messages each time within a millisecond."""


async def expunge(conversation: Conversation, command: Expunge) -> Answer:
    """Remove the messages, and tell them chunk by chunk.

    Raises:
        StorageError: nothing was removed, or only what the client has been told.
    """
    selected = conversation.mailbox
    conversation.need_writable()
    conversation.need_right(EXPUNGE)
    wanted = None if command.uids is None else _wanted(conversation, command.uids)
    uid = command.uids is not None
    try:
        async for _ in removals(selected.mailbox, wanted):
            await conversation.tell_updates(may_expunge=True, uid=uid)
            await conversation.relieve()
    except Exception:
        await conversation.tell_updates(may_expunge=True, uid=uid)
        raise
    await conversation.tell_updates(may_expunge=True, uid=uid)
    if conversation.condstore:
        # RFC 7162 §3.2.7: the MODSEQ of the removal.
        return done("EXPUNGE done", code.highestmodseq(selected.told.highestmodseq))
    return done("EXPUNGE done")


async def removals(mailbox: Mailbox, wanted: _UidRanges | None = None) -> AsyncIterator[None]:
    r"""Remove what is \Deleted, also if this client does not know it yet; stop between two chunks.

    A message that another session changes between the look and the removal stays at first, since
    the flag may have been removed. If it is \Deleted all the same, the next look finds it.

    Args:
        mailbox: where.
        wanted: only these.

    Raises:
        StorageError: nothing was removed, or not all.
    """
    for _ in range(LOOKS):
        view = await mailbox.view()
        uids = await _deleted_uids(view, wanted)
        left = len(uids)
        for start in range(0, len(uids), CHANGE_MESSAGES):
            chunk = uids[start : start + CHANGE_MESSAGES]
            if start:
                yield
            left -= len(await mailbox.expunge(chunk, unchanged_since=view.highestmodseq))
        if not left:
            return


async def _deleted_uids(view: View, wanted: _UidRanges | None) -> array[int]:
    r"""The UIDs of those wanted messages that are \Deleted, ascending; others have their turn."""
    deleted = array("I")
    for start in range(0, len(view), LOOK_MESSAGES):
        if start:
            await trio.lowlevel.checkpoint()
        end = start + LOOK_MESSAGES
        pairs = zip(view.uids[start:end], view.flags[start:end], strict=True)
        uids = [uid for uid, flags in pairs if flags & DELETED]
        deleted.extend(uids if wanted is None else [uid for uid in uids if uid in wanted])
    return deleted


def _wanted(conversation: Conversation, sequence: SequenceSet) -> _UidRanges:
    selected = conversation.mailbox
    if sequence.name:
        spans = selected.spans(sequence, uid=True)
        return _UidRanges([(uid, uid) for uid in uids_at(spans, selected.told.uids)])
    uids = selected.told.uids
    return _UidRanges(sequence.resolve(uids[-1] if uids else 0))


class _UidRanges:
    """UIDs in ascending, disjoint ranges."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        self._ranges = ranges
        self._ends = [last for _, last in ranges]

    def __contains__(self, uid: int) -> bool:
        at = bisect_left(self._ends, uid)
        return at < len(self._ranges) and self._ranges[at][0] <= uid
