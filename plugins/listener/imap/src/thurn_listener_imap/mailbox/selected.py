"""The selected mailbox of one session: exactly what its client has been told.

Rules of this file:
1. `told` is a view of the store, shared by all sessions of the worker, as long as the client could
   be told everything. Its UID column is the client's message numbers.
2. While messages are gone that the client must not be told of yet (RFC 9051 §7.5.1), `told` is a
   view of this session alone, in which they still stand: only an EXPUNGE that was sent moves
   numbers.
3. Every command asks the store for its newest view. The store's change log decides what has
   happened; hints only say when to look.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from thurn.plugin import FlagChange, Mailbox, MailboxNotFound, MailboxRecord, Stash, View
from thurn_wire.imap.sequence import SequenceSet

from thurn_listener_imap.mailbox.difference import Difference, Expect, difference, without
from thurn_listener_imap.mailbox.flags import FlagTable, flag_table
from thurn_listener_imap.mailbox.numbers import (
    Span,
    spans_of_existing,
    spans_of_listed,
    spans_of_numbers,
    spans_of_uids,
)


@dataclass(frozen=True, slots=True)
class News:
    """What a client has to be told now, in this order.

    Attributes:
        gone: (message number, UID) of each EXPUNGE response; the number is that of its moment.
        exists: the new number of messages, or None if no message is new.
        keywords: whether the mailbox has new flags.
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
    """A flag change of this session that its client knows already: it has said .SILENT, or a
    response of its own tells the flags. A message that somebody else has changed as well is told
    all the same. RFC 9051 §6.4.6."""

    change: FlagChange
    flags: tuple[str, ...]


NOTHING_OWN: Final[Mapping[int, OwnChange]] = MappingProxyType({})


class Selected:
    """A mailbox that a session has selected.

    Args:
        mailbox: with the rights of the session's identity.
        record: of that moment.
        view: what the client is told now.
        read_only: the client has said EXAMINE, or has no right to change anything.
        named_sets: the UIDs of sets that have a name, such as "$".

    Attributes:
        mailbox: with the rights of the session's identity.
        name: of the mailbox, when it was selected.
        rights: letters of RFC 4314, of that moment.
        read_only: the client has said EXAMINE, or has no right to change anything.
        told: what the client knows.
        exists: whether the mailbox was there when this session looked last.
        stash: what extensions keep for as long as the mailbox is selected.
    """

    __slots__ = (
        "_named_sets",
        "_newest",
        "exists",
        "mailbox",
        "name",
        "read_only",
        "rights",
        "stash",
        "told",
    )

    def __init__(
        self,
        mailbox: Mailbox,
        record: MailboxRecord,
        view: View,
        *,
        read_only: bool,
        named_sets: Mapping[str, Callable[[Selected], array[int]]] = MappingProxyType({}),
    ) -> None:
        self.mailbox = mailbox
        self.name = record.name
        self.rights = record.rights
        self.read_only = read_only
        self.told = view
        self.exists = True
        self.stash = Stash()
        self._named_sets = named_sets
        self._newest = view

    @property
    def flags(self) -> FlagTable:
        """The flags of the mailbox."""
        return flag_table(self.told.flag_names)

    @property
    def newest(self) -> View:
        """The view that this session got from the store last; the client may not know all of it."""
        return self._newest

    @property
    def has_ghosts(self) -> bool:
        """Whether messages are gone of which the client has not been told."""
        return self.told is not self._newest

    def spans(self, sequence: SequenceSet, *, uid: bool, existing_only: bool = False) -> list[Span]:
        """The positions of the messages that the client means.

        Args:
            sequence: their numbers.
            uid: the numbers are UIDs.
            existing_only: message numbers that do not exist are passed over, as UIDs always are.

        Raises:
            ValueError: a message number that does not exist.
        """
        if sequence.name:
            return spans_of_listed(self._named_sets[sequence.name](self), self.told.uids)
        if uid:
            return spans_of_uids(sequence, self.told.uids)
        if existing_only:
            return spans_of_existing(sequence, len(self.told))
        return spans_of_numbers(sequence, len(self.told))

    def is_gone(self, uid: int) -> bool:
        """Whether a message of `told` is gone in the newest view."""
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
        """Go on to the store's newest view, and say what the client has to be told; None: nothing.

        Args:
            may_expunge: EXPUNGE responses may be sent now.
            with_modseq: a changed MODSEQ alone is news. RFC 7162 §3.2.
            own: changes of this session, by the MODSEQ that each got.

        Raises:
            StorageError: the mailbox cannot be read, or was deleted.

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
        steps = difference(told, newest, expect)
        keep_ghosts = bool(steps.gone) and not may_expunge
        self.told = _with_ghosts(told, newest, steps.gone) if keep_ghosts else newest
        self._newest = newest
        changed = _to_tell(told, newest, steps, own, with_modseq=with_modseq)
        if keep_ghosts:
            changed = [bisect_left(self.told.uids, newest.uids[at]) for at in changed]
        return News(
            gone=_numbered(told, steps.gone) if may_expunge else [],
            exists=len(self.told) if steps.first_new < len(newest) else None,
            keywords=newest.flag_names != told.flag_names,
            changed=changed,
        )


def _to_tell(
    told: View,
    newest: View,
    steps: Difference,
    own: Mapping[int, OwnChange],
    *,
    with_modseq: bool,
) -> list[int]:
    """Positions of those changed messages that the client does not know about."""
    before = without(told.flags, steps.gone) if steps.gone else told.flags
    if with_modseq:
        return steps.changed
    if not own:
        return [at for at in steps.changed if before[at] != newest.flags[at]]
    table = flag_table(newest.flag_names)
    masks = {modseq: (one.change, table.mask(one.flags)) for modseq, one in own.items()}
    first_own = min(own)
    changed = []
    for at in steps.changed:
        known, modseq = before[at], newest.modseqs[at]
        mine = masks.get(modseq)
        if mine is not None:
            known = joined(known, *mine)
        # Another session may have taken our change back: the flags are what they were before both.
        if known != newest.flags[at] or (mine is None and modseq > first_own):
            changed.append(at)
    return changed


def _expected(newest: View, own: Mapping[int, OwnChange]) -> Expect:
    """The effect of this session's changes on flags; other changes have no expected effect."""
    table = flag_table(newest.flag_names)

    def expect(masks: array[int], modseq: int) -> array[int]:
        mine = own.get(modseq)
        if mine is None:
            return array("Q")
        mask = table.mask(mine.flags)
        return array("Q", [joined(flags, mine.change, mask) for flags in masks])

    return expect


def joined(flags: int, change: FlagChange, mask: int) -> int:
    """A message's flags after a change. RFC 9051 §6.4.6."""
    if change is FlagChange.ADD:
        return flags | mask
    if change is FlagChange.REMOVE:
        return flags & ~mask
    return mask


def _numbered(told: View, gone: list[int]) -> list[tuple[int, int]]:
    """The numbers of EXPUNGE responses: each one lowers those behind it. RFC 9051 §7.5.1."""
    return [(at + 1 - before, told.uids[at]) for before, at in enumerate(gone)]


def _with_ghosts(told: View, newest: View, gone: list[int]) -> View:
    """The newest view, in which messages that are gone still stand at their places."""
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
