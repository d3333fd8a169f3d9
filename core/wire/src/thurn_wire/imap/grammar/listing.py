"""LIST and LSUB.

    list     = "LIST" [ SP select-opts ] SP mailbox SP mbox-or-pat [ SP "RETURN" SP return-opts ]
    mbox-or-pat = list-mailbox / "(" list-mailbox *( SP list-mailbox ) ")"
    lsub     = "LSUB" SP mailbox SP list-mailbox

RFC 9051 §6.3.9, RFC 5258 §6, RFC 5819 §3, RFC 3501 §6.3.9.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.imap import limits
from thurn_wire.imap.command import NO_PARAMETERS, List, Lsub, Parameters
from thurn_wire.imap.grammar.mailbox import status_items
from thurn_wire.imap.grammar.registry import Cursor, parameters

_NOT_ALONE: Final = frozenset(("RECURSIVEMATCH", "REMOTE"))


def listing(cursor: Cursor) -> List:
    """RFC 9051 §6.3.9."""
    cursor.space()
    selection: Parameters | None = None
    if cursor.looking_at(b"("):
        selection = _selection(cursor)
        cursor.space()
    reference = cursor.reference()
    cursor.space()
    several = cursor.looking_at(b"(")
    patterns = _patterns(cursor) if several else (cursor.pattern(),)
    if cursor.at_end():
        extended = several or selection is not None
        return List(reference, patterns, extended, selection or NO_PARAMETERS)
    cursor.space()
    return List(reference, patterns, True, selection or NO_PARAMETERS, _returns(cursor))


def lsub(cursor: Cursor) -> Lsub:
    """RFC 3501 §6.3.9."""
    cursor.space()
    reference = cursor.reference()
    cursor.space()
    return Lsub(reference, cursor.pattern())


def status_option(cursor: Cursor) -> tuple[str, ...]:
    """The value of the return option STATUS. RFC 5819 §2."""
    cursor.space()
    return status_items(cursor)


def _selection(cursor: Cursor) -> Parameters:
    table = cursor.grammar.list_selections
    given = parameters(cursor, table, limits.OPTIONS, "selection option of LIST")
    # RFC 5258 §3.1: RECURSIVEMATCH needs an option that it applies to.
    if "RECURSIVEMATCH" in given and given.keys() <= _NOT_ALONE:
        cursor.refuse("RECURSIVEMATCH needs another selection option")
    return given


def _patterns(cursor: Cursor) -> tuple[str, ...]:
    patterns = cursor.items(Cursor.pattern, limits.LIST_PATTERNS, "patterns")
    if not patterns:
        cursor.refuse("an empty list of patterns")
    return tuple(patterns)


def _returns(cursor: Cursor) -> Parameters:
    if cursor.word("RETURN") != b"RETURN":
        cursor.refuse("only RETURN may stand here")
    cursor.space()
    table = cursor.grammar.list_returns
    return parameters(cursor, table, limits.OPTIONS, "return option of LIST")
