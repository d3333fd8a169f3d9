"""SEARCH: a tree of keys, read with an explicit stack.

    search  = "SEARCH" [ SP "RETURN" SP "(" [ option *( SP option ) ] ")" ]
              [ SP "CHARSET" SP astring ] 1*( SP key )
    key     = word [ SP argument ] / sequence-set / "(" key *( SP key ) ")"
            / "NOT" SP key / "OR" SP key SP key

Rules of this file:
1. There is no recursion: open parentheses, NOT and OR are on a stack of at most `limits.NESTING`;
   keys are counted up to `limits.SEARCH_KEYS`.
2. A key of the table (`Grammar.search_keys`) is a leaf: its parser reads its arguments.

RFC 9051 §6.4.4, RFC 4466 §2.6, RFC 4731 §3, RFC 7162 §3.1.5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from thurn_wire.imap import code, limits, search
from thurn_wire.imap.command import Parameters, Search
from thurn_wire.imap.grammar.flag import date
from thurn_wire.imap.grammar.registry import Cursor, Parser, parameters
from thurn_wire.imap.reply import CommandError, no
from thurn_wire.imap.search import (
    And,
    DateKey,
    FlagKey,
    HeaderKey,
    ModseqKey,
    Not,
    Or,
    Place,
    Relation,
    SearchKey,
    SequenceKey,
    SizeKey,
    TextKey,
)

_FIRST_OF_SET: Final = frozenset(b"0123456789*")


def search_command(cursor: Cursor, *, uid: bool = False) -> Search:
    """RFC 9051 §6.4.4."""
    cursor.space()
    returns: Parameters | None = None
    if cursor.peek_word() == b"RETURN":
        cursor.word()
        cursor.space()
        table = cursor.grammar.search_returns
        # RFC 4731 §3.1: RETURN () is RETURN (ALL).
        options = parameters(cursor, table, limits.OPTIONS, "return option of SEARCH")
        returns = options or {"ALL": None}
        cursor.space()
    charset = None
    if cursor.peek_word() == b"CHARSET":
        cursor.word()
        cursor.space()
        charset = _charset(cursor)
        cursor.space()
    return Search(search_key(cursor), uid, returns, charset)


def _charset(cursor: Cursor) -> str:
    name = cursor.astring("a charset").upper()
    encoding = cursor.grammar.charsets.get(name)
    if encoding is None:
        raise _bad_charset(cursor, "unknown charset")
    cursor.encoding = encoding
    return name.decode("ascii")


def _bad_charset(cursor: Cursor, text: str) -> CommandError:
    names = [name.decode("ascii") for name in cursor.grammar.charsets]
    return CommandError(no(text, code.badcharset(names)))


@dataclass(slots=True)
class _Open:
    """Something open: the command ("C"), a parenthesis ("("), NOT ("N") or OR ("O")."""

    kind: str
    keys: list[SearchKey] = field(default_factory=list)


def search_key(cursor: Cursor) -> SearchKey:
    """All keys up to the end of the command, as one key."""
    stack = [_Open("C")]
    count = 0
    while True:
        count += 1
        if count > limits.SEARCH_KEYS:
            cursor.refuse("too many search keys")
        opened = _opening(cursor)
        if opened is not None:
            if len(stack) > limits.NESTING:
                cursor.refuse("search keys nested too deep")
            stack.append(opened)
            continue
        _close(cursor, stack, _leaf(cursor))
        if not stack[-1].kind:
            return _all_of(stack[-1].keys)
        cursor.space()


def _opening(cursor: Cursor) -> _Open | None:
    """Read "(", NOT or OR, if one comes next."""
    if cursor.skip(b"("):
        return _Open("(")
    word = cursor.peek_word()
    if word not in (b"NOT", b"OR"):
        return None
    cursor.word()
    cursor.space()
    return _Open("N" if word == b"NOT" else "O")


def _close(cursor: Cursor, stack: list[_Open], key: SearchKey) -> None:
    """Add a key to what is open, and close everything that is whole with it."""
    while True:
        top = stack[-1]
        top.keys.append(key)
        if top.kind == "N":
            key = Not(key)
        elif top.kind == "O" and len(top.keys) == 2:
            key = Or(top.keys[0], top.keys[1])
        elif top.kind == "(" and cursor.skip(b")"):
            key = _all_of(top.keys)
        else:
            if top.kind == "C" and cursor.at_end():
                top.kind = ""
            return
        stack.pop()


def _all_of(keys: list[SearchKey]) -> SearchKey:
    return keys[0] if len(keys) == 1 else And(tuple(keys))


def _leaf(cursor: Cursor) -> SearchKey:
    octet = cursor.octets[cursor.position : cursor.position + 1]
    if octet and octet[0] in _FIRST_OF_SET:
        return SequenceKey(cursor.sequence_set())
    parse = cursor.grammar.search_keys.get(cursor.peek_word())
    if parse is None:
        named = cursor.named_set()
        return SequenceKey(named) if named is not None else cursor.fail("a search key")
    cursor.word()
    return parse(cursor)


# The leaves.


def text(cursor: Cursor) -> str:
    """A space and a text in the command's charset. RFC 9051 §6.4.4."""
    cursor.space()
    octets = cursor.astring("a text")
    try:
        return octets.decode(cursor.encoding)
    except UnicodeDecodeError:
        raise _bad_charset(cursor, "a text that is not in its charset") from None


def constant(key: SearchKey) -> Parser[SearchKey]:
    """The parser of a key that is only a word."""

    def parse(_: Cursor) -> SearchKey:
        return key

    return parse


def keyword(*, present: bool) -> Parser[SearchKey]:
    """KEYWORD and UNKEYWORD."""

    def parse(cursor: Cursor) -> SearchKey:
        cursor.space()
        name = cursor.atom("a keyword")
        if len(name) > limits.FLAG_OCTETS:
            cursor.refuse("keyword too long")
        return FlagKey(name, present)

    return parse


def envelope(name: str, *, address: bool) -> Parser[SearchKey]:
    """BCC, CC, FROM, SUBJECT and TO."""

    def parse(cursor: Cursor) -> SearchKey:
        return HeaderKey(name, text(cursor), address)

    return parse


def header(cursor: Cursor) -> SearchKey:
    """HEADER."""
    cursor.space()
    octets = cursor.astring("a header field")
    if not octets.isascii():
        cursor.refuse("a header field is ASCII")
    return HeaderKey(octets.decode("ascii"), text(cursor))


def in_text(place: Place) -> Parser[SearchKey]:
    """BODY and TEXT."""

    def parse(cursor: Cursor) -> SearchKey:
        return TextKey(place, text(cursor))

    return parse


def dated(relation: Relation, *, sent: bool) -> Parser[SearchKey]:
    """BEFORE, ON, SINCE, SENTBEFORE, SENTON and SENTSINCE."""

    def parse(cursor: Cursor) -> SearchKey:
        cursor.space()
        return DateKey(relation, date(cursor), sent)

    return parse


def sized(*, larger: bool) -> Parser[SearchKey]:
    """LARGER and SMALLER."""

    def parse(cursor: Cursor) -> SearchKey:
        cursor.space()
        return SizeKey(larger, cursor.number64())

    return parse


def uid_set(cursor: Cursor) -> SearchKey:
    """UID."""
    cursor.space()
    return SequenceKey(cursor.sequence_set(), uid=True)


def modseq(cursor: Cursor) -> SearchKey:
    """MODSEQ, with the entry of a flag or without. RFC 7162 §3.1.5."""
    cursor.space()
    if not cursor.looking_at(b'"'):
        return ModseqKey(cursor.number64())
    entry = cursor.text(cursor.string())
    cursor.space()
    scope = cursor.word("priv, shared or all").decode("ascii").lower()
    if scope not in ("priv", "shared", "all"):
        cursor.refuse("unknown scope of MODSEQ")
    cursor.space()
    return ModseqKey(cursor.number64(), entry, scope)


FLAGS: Final = {
    b"ANSWERED": "\\Answered",
    b"DELETED": "\\Deleted",
    b"DRAFT": "\\Draft",
    b"FLAGGED": "\\Flagged",
    b"SEEN": "\\Seen",
}
"""Keys with the flag that they are about; each has a negation with UN."""

RECENT: Final = FlagKey("\\Recent")
OLD: Final = FlagKey("\\Recent", present=False)
NEW: Final = And((RECENT, FlagKey("\\Seen", present=False)))
ALL: Final = search.ALL
