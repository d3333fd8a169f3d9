"""Commands about mailboxes: SELECT, EXAMINE, CREATE, DELETE, RENAME, (UN)SUBSCRIBE, STATUS.

    select = "SELECT" SP mailbox [ SP "(" parameter *( SP parameter ) ")" ]
    create = "CREATE" SP mailbox [ SP "(" parameter *( SP parameter ) ")" ]
    use    = "USE" SP "(" [ use-attr *( SP use-attr ) ] ")"
    status = "STATUS" SP mailbox SP "(" status-att *( SP status-att ) ")"

RFC 9051 §6.3, RFC 4466 §2, RFC 6154 §6.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from thurn_wire.imap import limits
from thurn_wire.imap.command import (
    NO_PARAMETERS,
    Command,
    Create,
    Delete,
    Rename,
    Select,
    Status,
    Subscribe,
    Unsubscribe,
)
from thurn_wire.imap.grammar.registry import Cursor, Parser, parameters

SPECIAL_USES: Final = {
    name.lower(): name
    for name in (
        "\\All",
        "\\Archive",
        "\\Drafts",
        "\\Flagged",
        "\\Important",
        "\\Junk",
        "\\Sent",
        "\\Trash",
    )
}
"""RFC 6154 §2, RFC 8457 §3; others are kept as they were written."""


def select(cursor: Cursor) -> Select:
    """RFC 9051 §6.3.2, RFC 7162 §3.1.8."""
    return _select(cursor, read_only=False)


def examine(cursor: Cursor) -> Select:
    """RFC 9051 §6.3.3."""
    return _select(cursor, read_only=True)


def _select(cursor: Cursor, *, read_only: bool) -> Select:
    cursor.space()
    mailbox = cursor.mailbox()
    if cursor.at_end():
        return Select(mailbox, read_only)
    cursor.space()
    table = cursor.grammar.select_parameters
    given = dict(parameters(cursor, table, limits.OPTIONS, "parameter of SELECT"))
    condstore = "CONDSTORE" in given
    given.pop("CONDSTORE", None)
    return Select(mailbox, read_only, condstore, given or NO_PARAMETERS)


def create(cursor: Cursor) -> Create:
    """RFC 9051 §6.3.4, RFC 4466 §2.2."""
    cursor.space()
    mailbox = cursor.mailbox()
    if cursor.at_end():
        return Create(mailbox)
    cursor.space()
    table = cursor.grammar.create_parameters
    return Create(mailbox, parameters(cursor, table, limits.OPTIONS, "parameter of CREATE"))


def use(cursor: Cursor) -> tuple[str, ...]:
    r"""The attributes of the CREATE parameter USE, such as `\Drafts`. RFC 6154 §3."""
    cursor.space()
    return tuple(cursor.items(_use, limits.OPTIONS, "special uses"))


def _use(cursor: Cursor) -> str:
    cursor.expect(b"\\")
    attribute = "\\" + cursor.atom("a special use")
    return SPECIAL_USES.get(attribute.lower(), attribute)


def named(
    make: Callable[[str], Delete | Subscribe | Unsubscribe],
) -> Parser[Command]:
    """The parser of a command whose argument is a mailbox."""

    def parse(cursor: Cursor) -> Command:
        cursor.space()
        return make(cursor.mailbox())

    return parse


def rename(cursor: Cursor) -> Rename:
    """RFC 9051 §6.3.6."""
    cursor.space()
    mailbox = cursor.mailbox()
    cursor.space()
    return Rename(mailbox, cursor.mailbox())


def status(cursor: Cursor) -> Status:
    """RFC 9051 §6.3.11."""
    cursor.space()
    mailbox = cursor.mailbox()
    cursor.space()
    return Status(mailbox, status_items(cursor))


def status_items(cursor: Cursor) -> tuple[str, ...]:
    """The list of STATUS, each item once."""
    items = cursor.items(_status_item, limits.OPTIONS, "items of STATUS")
    if not items:
        cursor.refuse("an empty list of items")
    return tuple(dict.fromkeys(items))


def _status_item(cursor: Cursor) -> str:
    name = cursor.grammar.status_items.get(cursor.word("an item of STATUS"))
    if name is None:
        cursor.refuse("unknown item of STATUS")
    return name
