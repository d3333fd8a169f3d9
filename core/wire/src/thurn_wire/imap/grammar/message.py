"""Commands on messages besides FETCH and SEARCH: STORE, COPY, MOVE, UID EXPUNGE.

    store = "STORE" SP sequence-set [ SP "(" modifier *( SP modifier ) ")" ] SP
            [ "+" / "-" ] "FLAGS" [ ".SILENT" ] SP ( flag-list / flag *( SP flag ) )
    copy  = ( "COPY" / "MOVE" ) SP sequence-set SP mailbox

RFC 9051 §6.4, RFC 4466 §2.5, RFC 7162 §3.1.3, RFC 6851, RFC 4315.
"""

from __future__ import annotations

import re
from typing import Final

from thurn_wire.imap import limits
from thurn_wire.imap.command import (
    NO_PARAMETERS,
    Copy,
    Expunge,
    FlagOperation,
    Move,
    Parameters,
    Store,
)
from thurn_wire.imap.grammar.flag import flags
from thurn_wire.imap.grammar.registry import Cursor, parameters

_OPERATION: Final = re.compile(rb"([+-]?FLAGS)(\.SILENT)? ", re.IGNORECASE)
_OPERATIONS: Final = {each.value.encode(): each for each in FlagOperation}


def store(cursor: Cursor, *, uid: bool = False) -> Store:
    """RFC 9051 §6.4.6."""
    cursor.space()
    sequence = cursor.sequence_set()
    cursor.space()
    unchanged_since, modifiers = None, NO_PARAMETERS
    if cursor.looking_at(b"("):
        unchanged_since, modifiers = _modifiers(cursor)
        cursor.space()
    match = _OPERATION.match(cursor.octets, cursor.position)
    if match is None:
        cursor.fail("FLAGS, +FLAGS or -FLAGS, and flags")
    cursor.position = match.end()
    operation, silent = _OPERATIONS[match[1].upper()], match[2] is not None
    return Store(sequence, operation, flags(cursor), silent, uid, unchanged_since, modifiers)


def _modifiers(cursor: Cursor) -> tuple[int | None, Parameters]:
    table = cursor.grammar.store_modifiers
    given = dict(parameters(cursor, table, limits.OPTIONS, "modifier of STORE"))
    since = given.pop("UNCHANGEDSINCE", None)
    return since if isinstance(since, int) else None, given or NO_PARAMETERS


def since(cursor: Cursor) -> int:
    """The number of UNCHANGEDSINCE and CHANGEDSINCE. RFC 7162 §3.1.3, §3.1.4.1."""
    cursor.space()
    return cursor.number64()


def copy(cursor: Cursor, *, uid: bool = False) -> Copy:
    """RFC 9051 §6.4.7."""
    cursor.space()
    sequence = cursor.sequence_set()
    cursor.space()
    return Copy(sequence, cursor.mailbox(), uid)


def move(cursor: Cursor, *, uid: bool = False) -> Move:
    """RFC 9051 §6.4.8."""
    cursor.space()
    sequence = cursor.sequence_set()
    cursor.space()
    return Move(sequence, cursor.mailbox(), uid)


def uid_expunge(cursor: Cursor) -> Expunge:
    """RFC 9051 §6.4.9."""
    cursor.space()
    return Expunge(cursor.sequence_set())
