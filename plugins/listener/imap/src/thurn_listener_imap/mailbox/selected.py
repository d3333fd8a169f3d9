"""The selected mailbox of one session: what its client has been told, and nothing else.

Rules of this file:
1. `told` is a view of the store, shared by all sessions of the worker, as long as the client could
   be told everything. Its UID column is the client's message numbers.
2. Where messages have gone that the client may not be told of yet (RFC 9051 §7.5.1), `told` is a
   view of our own, in which they still stand: numbers move only with an EXPUNGE that was sent.
3. The store is asked for its newest view at every command; the store's change log decides what has
   happened, hints only say when to look.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from thurn.plugin import FlagChange, Mailbox, MailboxNotFound, MailboxRecord, View
from thurn_wire.imap.sequence import SequenceSet

from thurn_listener_imap.mailbox.difference import Difference, Expect, difference, without
from thurn_listener_imap.mailbox.flags import FlagTable, flag_table
from thurn_listener_imap.mailbox.numbers import (
    Span,
    spans_of_numbers,
    spans_of_saved,
    spans_of_uids,
)


@dataclass(frozen=True, slots=True)
class News:
    """What a client has to be told now, in this order.

    Attributes:
        gone: (message number, UID) of EXPUNGE responses, each number as it is when it is sent.
        exists: the new number of messages, or None.
        keywords: the mailbox has new flags.
        changed: positions in `told` of messages with other flags or another MODSEQ.
    """

    gone: list[tuple[int, int]]
    exists: int | None
    keywords: bool
    changed: list[int]

    def __bool__(self) -> bool:
        return bool(self.gone or self.changed or self.keywords or self.exists is not None)


@dataclass(frozen=True, slots=True)
class OwnChange:
    """A flag change of this session of which its client needs no FETCH response: it has said
    .SILENT, or it gets the flags in a response of its own. Where somebody else's change is mixed
    in, it is told all the same. RFC 9051 §6.4.6."""

    change: FlagChange
    flags: tuple[str, ...]


NOTHING_OWN: Final[Mapping[int, OwnChange]] = MappingProxyType({})


class Selected:
    """A mailbox that a session has selected.

    Attributes:
        mailbox: with the rights of the session's identity.
        name: of the mailbox, when it was selected.
        rights: letters of RFC 4314, of that moment.
        read_only: EXAMINE, or no right to change anything.
        told: what the client knows.
        saved: UIDs of the last SEARCH with SAVE. RFC 5182.
        exists: the mailbox was there when it was looked at last.
    """

    __slots__ = ("_newest", "exists", "mailbox", "name", "read_only", "rights", "saved", "told")

    def __init__(
        self, mailbox: Mailbox, record: MailboxRecord, view: View, *, read_only: bool
    ) -> None:
        self.mailbox = mailbox
        self.name = record.name
        self.rights = record.rights
        self.read_only = read_only
        self.told = view
        self.saved: array[int] = array("I")
        self.exists = True
        self._newest = view

    @property
    def flags(self) -> FlagTable:
        """The flags of the mailbox."""
        return flag_table(self.told.flag_names)

    @property
    def newest(self) -> View:
        """The store's view that was looked at last; the client may not know all of it."""
        return self._newest

    @property
    def has_ghosts(self) -> bool:
        """Whether messages have gone of which the client has not been told."""
        return self.told is not self._newest

    def spans(self, sequence: SequenceSet, *, uid: bool) -> list[Span]:
        """The positions of the messages that the client means.

        Raises:
            ValueError: a message number that does not exist.
        """
        if sequence.saved:
            return spans_of_saved(self.saved, self.told.uids)
        if uid:
            return spans_of_uids(sequence, self.told.uids)
        return spans_of_numbers(sequence, len(self.told))

    def is_gone(self, uid: int) -> bool:
        """Whether a message of `told` has gone, as far as was looked."""
        if not self.has_ghosts:
            return False
        uids = self._newest.uids
        at = bisect_left(uids, uid)
        return at == len(uids) or uids[at] != uid

    async def look(
        self,
        *,
        may_expunge: bool,
        with_modseq: bool = False,
        own: Mapping[int, OwnChange] = NOTHING_OWN,
    ) -> News | None:
        """Go on to the store's newest view; what the client has to be told of it, or None.

        Args:
            may_expunge: EXPUNGE responses may be sent now.
            with_modseq: a changed MODSEQ alone is news. RFC 7162 §3.2.
            own: changes of this session, by the MODSEQ that they were given.

        Raises:
            StorageError: the mailbox cannot be read, or has gone.

        Cancellation: nothing has changed.
        """
        try:
            newest = await self.mailbox.view()
        except MailboxNotFound:
            self.exists = False
            raise
        if newest is self.told or (newest is self._newest and not may_expunge):
            return None
        told = self.told
        expect = None if with_modseq or not own else _expected(newest, own)
        found = difference(told, newest, expect)
        keep_ghosts = bool(found.gone) and not may_expunge
        self.told = _with_ghosts(told, newest, found.gone) if keep_ghosts else newest
        self._newest = newest
        changed = _to_tell(told, newest, found, own, with_modseq=with_modseq)
        if keep_ghosts:
            changed = [bisect_left(self.told.uids, newest.uids[at]) for at in changed]
        return News(
            gone=_numbered(told, found.gone) if may_expunge else [],
            exists=len(self.told) if found.first_new < len(newest) else None,
            keywords=newest.flag_names != told.flag_names,
            changed=changed,
        )


def _to_tell(
    told: View,
    newest: View,
    found: Difference,
    own: Mapping[int, OwnChange],
    *,
    with_modseq: bool,
) -> list[int]:
    """Of the changed messages, positions of those that the client does not know about."""
    before = without(told.flags, found.gone) if found.gone else told.flags
    if with_modseq:
        return found.changed
    if not own:
        return [at for at in found.changed if before[at] != newest.flags[at]]
    table = flag_table(newest.flag_names)
    masks = {modseq: (one.change, table.mask(one.flags)) for modseq, one in own.items()}
    first_own = min(own)
    changed = []
    for at in found.changed:
        known, modseq = before[at], newest.modseqs[at]
        mine = masks.get(modseq)
        if mine is not None:
            known = joined(known, *mine)
        # Behind ours another may have taken it back: the flags are what they were before both.
        if known != newest.flags[at] or (mine is None and modseq > first_own):
            changed.append(at)
    return changed


def _expected(newest: View, own: Mapping[int, OwnChange]) -> Expect:
    """What the changes of this session make of flags; of any other change nothing is expected."""
    table = flag_table(newest.flag_names)

    def expect(masks: array[int], modseq: int) -> array[int]:
        mine = own.get(modseq)
        if mine is None:
            return array("Q")
        mask = table.mask(mine.flags)
        return array("Q", [joined(flags, mine.change, mask) for flags in masks])

    return expect


def joined(flags: int, change: FlagChange, mask: int) -> int:
    """What a message's flags become. RFC 9051 §6.4.6."""
    if change is FlagChange.ADD:
        return flags | mask
    if change is FlagChange.REMOVE:
        return flags & ~mask
    return mask


def _numbered(told: View, gone: list[int]) -> list[tuple[int, int]]:
    """The numbers of EXPUNGE responses: each one lowers those after it. RFC 9051 §7.5.1."""
    return [(at + 1 - before, told.uids[at]) for before, at in enumerate(gone)]


def _with_ghosts(told: View, newest: View, gone: list[int]) -> View:
    """The newest view in which the messages that have gone still stand at their places."""
    places = [bisect_left(newest.uids, told.uids[at]) for at in gone]

    def merged(old: array[int], new: array[int]) -> array[int]:
        column = array(new.typecode)
        start = 0
        for at, place in zip(gone, places, strict=True):
            column += new[start:place]
            column.append(old[at])
            start = place
        column += new[start:]
        return column

    return replace(
        newest,
        uids=merged(told.uids, newest.uids),
        flags=merged(told.flags, newest.flags),
        modseqs=merged(told.modseqs, newest.modseqs),
        sizes=merged(told.sizes, newest.sizes),
        received=merged(told.received, newest.received),
    )
