r"""STORE and UID STORE.

    C: 1 STORE 2 +FLAGS (\Deleted)
    S: * 2 FETCH (FLAGS (\Deleted))
    S: 1 OK STORE done

RFC 9051 §6.4.6, RFC 7162 §3.1.3.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

from thurn.plugin import FlagChange, NotPermitted, StoreResult
from thurn_wire.imap import code
from thurn_wire.imap.command import FlagOperation, Store

from thurn_listener_imap.answer import NO_SUCH_MESSAGE, Answer, CommandRefused, done, refused
from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.limits import CHANGE_MESSAGES
from thurn_listener_imap.mailbox.numbers import uids_at
from thurn_listener_imap.mailbox.selected import OwnChange, Selected
from thurn_listener_imap.permission import permitted_flags

_CHANGES: Final = {
    FlagOperation.ADD: FlagChange.ADD,
    FlagOperation.REMOVE: FlagChange.REMOVE,
    FlagOperation.REPLACE: FlagChange.REPLACE,
}


async def store(conversation: Conversation, command: Store) -> Answer:
    """Change flags of all messages of the set; messages that are gone are passed over.

    The messages are changed and told in chunks of `CHANGE_MESSAGES`, each as if it were a command
    of its own: UNCHANGEDSINCE is judged when the turn of a message's chunk has come.

    Raises:
        StorageError: nothing was changed, or only what the client has been told, .SILENT or not.
    """
    selected = conversation.mailbox
    conversation.need_writable()
    if command.unchanged_since is not None:
        conversation.enable_condstore()
    uids = _wanted_uids(selected, command)
    change = _CHANGES[command.operation]
    flags = _permitted(selected, change, command.flags)
    own = OwnChange(change, flags)
    refused_uids: list[int] = []
    gone_messages = 0
    for start in range(0, max(len(uids), 1), CHANGE_MESSAGES):
        chunk = uids[start : start + CHANGE_MESSAGES]
        try:
            result = await _change(selected, command, chunk, own)
        except Exception:
            await _tell_done(conversation, command, uids[:start], frozenset(refused_uids))
            raise
        await _tell(conversation, command, chunk, result, own)
        refused_uids += result.refused
        gone_messages += sum(map(selected.is_gone, chunk)) if selected.has_ghosts else 0
    if refused_uids:
        return _modified(selected, command, refused_uids)
    if gone_messages and not command.uid:
        if gone_messages == len(uids) and not command.silent:
            # RFC 2180 §4.2.2: only a tagged NO.
            return refused("The messages are gone", code.EXPUNGEISSUED)
        # RFC 2180 §4.2.1, RFC 5530 §3: OK where the others were changed.
        return done("STORE done, but some of the messages are gone", code.EXPUNGEISSUED)
    return done("STORE done")


async def _change(
    selected: Selected, command: Store, uids: array[int], own: OwnChange
) -> StoreResult:
    """Change the flags of one chunk's messages. Raises StorageError: of none of them."""
    if not uids:
        return StoreResult((), 0)
    return await selected.mailbox.flag(
        uids, own.change, own.flags, unchanged_since=command.unchanged_since
    )


async def _tell_done(
    conversation: Conversation, command: Store, uids: array[int], refused: frozenset[int]
) -> None:
    """Tell a client that said .SILENT what was done before a chunk failed; others know it."""
    if not command.silent:
        return
    for start in range(0, len(uids), CHANGE_MESSAGES):
        told = _positions(conversation.mailbox, uids[start : start + CHANGE_MESSAGES], refused)
        await conversation.write_flags_of(told, uid=command.uid)


def _wanted_uids(selected: Selected, command: Store) -> array[int]:
    try:
        spans = selected.spans(command.sequence, uid=command.uid)
    except ValueError as error:
        raise CommandRefused(NO_SUCH_MESSAGE) from error
    return uids_at(spans, selected.told.uids)


def _permitted(selected: Selected, change: FlagChange, flags: Sequence[str]) -> tuple[str, ...]:
    """The flags that this identity may change. RFC 4314 §4.

    Raises:
        NotPermitted: it may change none of them. Replacing needs the right to all flags of the
            mailbox, since it removes those that are not named.
    """
    permitted = permitted_flags(selected.rights, flags)
    if change is FlagChange.REPLACE:
        if permitted_flags(selected.rights, selected.flags.names) != selected.flags.names:
            raise NotPermitted
        return tuple(flags)
    if flags and not permitted:
        raise NotPermitted
    return permitted


async def _tell(
    conversation: Conversation,
    command: Store,
    uids: array[int],
    result: StoreResult,
    own: OwnChange,
) -> None:
    """Write the new flags of the messages as a FETCH would, unless .SILENT. RFC 9051 §6.4.6."""
    selected = conversation.mailbox
    await conversation.tell_updates(
        may_expunge=command.uid, uid=command.uid, own={result.modseq: own}
    )
    if command.silent:
        return
    told = _positions(selected, uids, frozenset(result.refused))
    if conversation.condstore:
        # What has a new MODSEQ was told with the updates just now.
        modseqs = selected.told.modseqs
        told = [at for at in told if not result.modseq or modseqs[at] != result.modseq]
    await conversation.write_flags_of(told, uid=command.uid)


def _positions(selected: Selected, uids: Iterable[int], refused: frozenset[int]) -> list[int]:
    """Where the messages stand now, without those that are gone or were refused."""
    column = selected.told.uids
    positions = []
    for uid in uids:
        at = bisect_left(column, uid)
        is_there = at < len(column) and column[at] == uid
        if is_there and uid not in refused and not selected.is_gone(uid):
            positions.append(at)
    return positions


def _modified(selected: Selected, command: Store, refused_uids: Sequence[int]) -> Answer:
    """The answer that names the messages left alone. RFC 7162 §3.1.3."""
    numbers = list(refused_uids)
    if not command.uid:
        column = selected.told.uids
        numbers = [bisect_left(column, uid) + 1 for uid in refused_uids]
    return done("STORE done, but for these", code.modified(numbers))
