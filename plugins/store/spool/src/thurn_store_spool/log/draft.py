"""A change while it is being made: operations get their numbers, are done, and are collected.

Rules of this file: within `apply` of a round of the commit log; the index's transaction is open.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from thurn.plugin import KEYWORDS_PER_MAILBOX, SYSTEM_FLAGS, LimitReached, MailboxNotFound, parents

from thurn_store_spool.cache.columns import Columns
from thurn_store_spool.environment import OpenAccount
from thurn_store_spool.index.tree import MailboxRow
from thurn_store_spool.operation.kind import Created, Keyword, Operation
from thurn_store_spool.operation.perform import perform

MAILBOXES_PER_ACCOUNT: Final = 10_000
"""Most mailboxes of an account: lists read all their rows; people have some hundred."""

KEYWORD_CHARACTERS: Final = 255
"""The longest keyword, an atom that people see; the longest in the IANA registry has 18."""


class Draft:
    """The operations of one change, in order.

    Attributes:
        index: of the account.
        operations: those that are done already.
        touched: numbers of the mailboxes that somebody may be waiting for.
    """

    __slots__ = ("_caches", "_environment", "index", "operations", "touched")

    def __init__(self, account: OpenAccount) -> None:
        self.index = account.index
        self._caches = account.caches
        self._environment = account.environment
        self.operations: list[Operation] = []
        self.touched: set[int] = set()

    @property
    def wall(self) -> float:
        """The time now, POSIX seconds."""
        return self._environment.clock.wall()

    def number(self) -> tuple[int, int]:
        """The next MODSEQ, and a nonce."""
        return self.index.take_modseq(), self._environment.draw()

    def do(self, operation: Operation, mailbox: int = 0) -> None:
        """Do an operation that is not an append; who waits for this mailbox will be told."""
        perform(self.index.writer, operation)
        self.operations.append(operation)
        if mailbox:
            self.touched.add(mailbox)

    def columns(self, mailbox: int) -> Columns | None:
        """The columns of a mailbox, if they are known and the transaction has changed nothing."""
        columns = self._caches.columns.get(mailbox)
        return columns if columns and columns.as_of == self.index.written_highest else None

    # Mailboxes.

    def row(self, number: int) -> MailboxRow:
        """A mailbox by its number. Raises MailboxNotFound."""
        row = self.index.written_tree.by_number.get(number)
        if row is None:
            raise MailboxNotFound
        return row

    def find(self, name: str) -> MailboxRow:
        """A mailbox by its normal name. Raises MailboxNotFound."""
        row = self.index.written_tree.by_name.get(name)
        if row is None:
            raise MailboxNotFound
        return row

    def make_parents(self, name: str) -> None:
        """Make those mailboxes above a name that are missing. Raises LimitReached."""
        for parent in parents(name, self._environment.separator):
            if parent not in self.index.written_tree.by_name:
                self.make_one(parent)

    def make(self, name: str, special_use: Collection[str] = ()) -> MailboxRow:
        """Make a mailbox, and its parents. Raises LimitReached."""
        self.make_parents(name)
        return self.make_one(name, special_use)

    def make_one(self, name: str, special_use: Collection[str] = ()) -> MailboxRow:
        """Make a mailbox without its parents. Raises LimitReached."""
        tree = self.index.written_tree
        if len(tree.by_number) >= MAILBOXES_PER_ACCOUNT:
            raise LimitReached
        # RFC 9051 §2.3.1.1: ascending even when the clock goes backward.
        uidvalidity = max(int(self.wall), tree.uidvalidity_floor + 1)
        number = tree.mailbox_floor + 1
        uses = tuple(sorted(set(special_use)))
        self.do(Created(*self.number(), number, name, uidvalidity, uses), number)
        bits = {word.lower(): bit for bit, word in enumerate(SYSTEM_FLAGS)}
        row = MailboxRow(number, name, uidvalidity, frozenset(uses), SYSTEM_FLAGS, bits)
        self.index.row_made(row)
        return row

    # Flags.

    def mask(self, row: MailboxRow, flags: Sequence[str], *, make: bool = True) -> int:
        """The bits of flags by name, without regard to case; new keywords get one.

        Args:
            row: of the mailbox.
            flags: names of system flags and keywords.
            make: False to pass over keywords that the mailbox does not have.

        Raises:
            LimitReached: more than KEYWORDS_PER_MAILBOX keywords, or one that is too long.
        """
        mask, missing = 0, []
        for name in flags:
            bit = row.bits.get(name.lower())
            if bit is not None:
                mask |= 1 << bit
            elif make:
                missing.append(name)
        for name in missing:
            mask |= 1 << self._keyword(self.row(row.number), name)
        return mask

    def _keyword(self, row: MailboxRow, name: str) -> int:
        """The bit of a keyword, which may have been given one by the same change already."""
        known = row.bits.get(name.lower())
        if known is not None:
            return known
        bit = len(row.flag_names)
        if bit >= len(SYSTEM_FLAGS) + KEYWORDS_PER_MAILBOX or len(name) > KEYWORD_CHARACTERS:
            raise LimitReached
        self.do(Keyword(*self.number(), row.number, bit, name), row.number)
        names = (*row.flag_names, name)
        self.index.row_made(replace(row, flag_names=names, bits={**row.bits, name.lower(): bit}))
        return bit
