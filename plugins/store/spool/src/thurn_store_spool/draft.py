"""A change while it is being made: operations get their numbers, are done, and are recorded.

Rules of this file: within `apply` of a round; the index's transaction is open.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from thurn.plugin import KEYWORDS_PER_MAILBOX, SYSTEM_FLAGS, LimitReached, MailboxNotFound, parents

from thurn_store_spool.environment import Environment
from thurn_store_spool.index import AccountIndex
from thurn_store_spool.operation import Created, Keyword, Operation
from thurn_store_spool.perform import perform
from thurn_store_spool.tree import MailboxRow

MAILBOXES_PER_ACCOUNT = 10_000
"""Each is a row that lists read whole; people have some hundred."""

KEYWORD_OCTETS = 255
"""A keyword is an atom that people see; the longest in the IANA registry has 18 octets."""


class Draft:
    """The operations of one change, in order.

    Attributes:
        operations: done already.
        touched: numbers of the mailboxes that somebody may be waiting for.
    """

    __slots__ = ("_environment", "index", "operations", "touched")

    def __init__(self, index: AccountIndex, environment: Environment) -> None:
        self.index = index
        self._environment = environment
        self.operations: list[Operation] = []
        self.touched: set[int] = set()

    @property
    def wall(self) -> float:
        """Now, POSIX seconds."""
        return self._environment.clock.wall()

    def number(self) -> tuple[int, int]:
        """The next MODSEQ, and a nonce."""
        return self.index.take_modseq(), self._environment.draw()

    def do(self, operation: Operation, mailbox: int = 0) -> None:
        """Do an operation that is no append; tell this mailbox's watchers."""
        perform(self.index.writer, operation)
        self.index.note(operation)
        self.operations.append(operation)
        if mailbox:
            self.touched.add(mailbox)

    # Mailboxes.

    def row(self, number: int) -> MailboxRow:
        """A mailbox by number. Raises MailboxNotFound."""
        row = self.index.open_tree.by_number.get(number)
        if row is None:
            raise MailboxNotFound
        return row

    def find(self, name: str) -> MailboxRow:
        """A mailbox by its normal name. Raises MailboxNotFound."""
        row = self.index.open_tree.by_name.get(name)
        if row is None:
            raise MailboxNotFound
        return row

    def make_parents(self, name: str) -> None:
        """The mailboxes above a name are there. Raises LimitReached."""
        for parent in parents(name, self._environment.separator):
            if parent not in self.index.open_tree.by_name:
                self.make_one(parent)

    def make(self, name: str, special_use: Collection[str] = ()) -> MailboxRow:
        """A new mailbox, and its parents. Raises LimitReached."""
        self.make_parents(name)
        return self.make_one(name, special_use)

    def make_one(self, name: str, special_use: Collection[str] = ()) -> MailboxRow:
        """A new mailbox without its parents. Raises LimitReached."""
        tree = self.index.open_tree
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

        Raises:
            LimitReached: more than KEYWORDS_PER_MAILBOX keywords, or a long one.
        """
        mask, missing = 0, []
        for name in flags:
            bit = row.bits.get(name.lower())
            if bit is not None:
                mask |= 1 << bit
            elif make:
                missing.append(name)
        for name in missing:
            bit = self._keyword(self.row(row.number), name)
            mask |= 1 << bit
        return mask

    def _keyword(self, row: MailboxRow, name: str) -> int:
        known = row.bits.get(name.lower())
        if known is not None:
            return known
        bit = len(row.flag_names)
        if bit >= len(SYSTEM_FLAGS) + KEYWORDS_PER_MAILBOX or len(name) > KEYWORD_OCTETS:
            raise LimitReached
        self.do(Keyword(*self.number(), row.number, bit, name), row.number)
        names = (*row.flag_names, name)
        self.index.row_made(replace(row, flag_names=names, bits={**row.bits, name.lower(): bit}))
        return bit
