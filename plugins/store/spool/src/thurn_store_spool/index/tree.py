"""The mailboxes of an account as they stand in its index, read as one value."""

from __future__ import annotations

from dataclasses import dataclass

import apsw
from thurn.plugin import SYSTEM_FLAGS

from thurn_store_spool.index.query import select, select_one


@dataclass(frozen=True, slots=True)
class MailboxRow:
    """What the index says of a mailbox, except for the numbers that each change moves."""

    number: int
    name: str
    uidvalidity: int
    special_use: frozenset[str]
    flag_names: tuple[str, ...]
    bits: dict[str, int]

    @property
    def id(self) -> str:
        """The mailbox's id outside the store. RFC 8474 §4.1."""
        return f"M{self.number}"


@dataclass(frozen=True, slots=True)
class Tree:
    """All mailboxes; the value is replaced when one of them changes."""

    by_name: dict[str, MailboxRow]
    by_number: dict[int, MailboxRow]
    mailbox_floor: int
    uidvalidity_floor: int


def with_row(tree: Tree, row: MailboxRow) -> Tree:
    """The tree with a mailbox that was made or has a new keyword.

    Reading all of them again for each would take seconds where there are thousands.
    """
    return Tree(
        {**tree.by_name, row.name: row},
        {**tree.by_number, row.number: row},
        max(tree.mailbox_floor, row.number),
        max(tree.uidvalidity_floor, row.uidvalidity),
    )


def read_tree(connection: apsw.Connection) -> Tree:
    """The mailboxes as this connection sees them."""
    names: dict[int, list[str]] = {}
    for mailbox, name in select(
        connection, "SELECT mailbox, name FROM keyword ORDER BY mailbox, bit"
    ):
        names.setdefault(mailbox, [*SYSTEM_FLAGS]).append(name)
    rows = [
        MailboxRow(
            number,
            name,
            uidvalidity,
            frozenset(special_use.split("\n")) if special_use else frozenset(),
            flag_names := tuple(names.get(number, SYSTEM_FLAGS)),
            {word.lower(): bit for bit, word in enumerate(flag_names)},
        )
        for number, name, uidvalidity, special_use in select(
            connection, "SELECT number, name, uidvalidity, special_use FROM mailbox"
        )
    ]
    mailbox_floor, uidvalidity_floor = select_one(
        connection, "SELECT mailbox, uidvalidity FROM floor"
    )
    return Tree(
        {row.name: row for row in rows},
        {row.number: row for row in rows},
        mailbox_floor,
        uidvalidity_floor,
    )
