"""FETCH.

    fetch   = "FETCH" SP sequence-set SP ( macro / item / "(" item *( SP item ) ")" )
              [ SP "(" modifier *( SP modifier ) ")" ]
    section = "[" [ section-spec ] "]" [ "<" number "." nz-number ">" ]
    section-spec = [ part ] HEADER / HEADER.FIELDS[.NOT] SP "(" 1*astring ")" / TEXT / MIME
    part    = nz-number *( "." nz-number )

Rule of this file: numbers are only stored; no work or memory depends on their size.

RFC 9051 §6.4.5, RFC 4466 §2.4, RFC 7162 §3.1.4, RFC 3516 §4.2.
"""

from __future__ import annotations

import re
from typing import Final

from thurn_wire.imap import fetch, limits
from thurn_wire.imap.command import NO_PARAMETERS, Fetch, Parameters
from thurn_wire.imap.fetch import (
    Attribute,
    BinarySection,
    BinarySize,
    BodySection,
    FetchItem,
    Partial,
    Rfc822,
)
from thurn_wire.imap.grammar.registry import Cursor, Parser, parameters

FAST: Final = (fetch.FLAGS, fetch.INTERNALDATE, fetch.RFC822_SIZE)
MACROS: Final[dict[bytes, tuple[FetchItem, ...]]] = {
    b"FAST": FAST,
    b"ALL": (*FAST, fetch.ENVELOPE),
    b"FULL": (*FAST, fetch.ENVELOPE, fetch.BODY),
}
"""RFC 9051 §6.4.5."""

_PART: Final = re.compile(rb"[0-9.]+")
_FIELDS: Final = frozenset(("HEADER.FIELDS", "HEADER.FIELDS.NOT"))
_TEXTS: Final = frozenset(("HEADER", "TEXT", "MIME", *_FIELDS))
_ITEM: Final = re.compile(rb"[A-Za-z0-9.-]+")


def fetch_command(cursor: Cursor, *, uid: bool = False) -> Fetch:
    """RFC 9051 §6.4.5."""
    cursor.space()
    sequence = cursor.sequence_set()
    cursor.space()
    items = fetch_items(cursor)
    if cursor.at_end():
        return Fetch(sequence, items, uid)
    cursor.space()
    changed_since, modifiers = _modifiers(cursor)
    return Fetch(sequence, items, uid, changed_since, modifiers)


def fetch_items(cursor: Cursor) -> tuple[FetchItem, ...]:
    """A macro, an item or a list of items; each item once.

    Clients send the same few lists all day. So a list at the end of a command is remembered by its
    octets, and the same tuple is returned each time, in every session.
    """
    if cursor.looking_at(b"("):
        known = cursor.grammar.fetch_lists
        written = cursor.octets[cursor.position :]
        items = known.get(written)
        if items is not None:
            cursor.position = len(cursor.octets)
            return items
        items = _item_list(cursor)
        if len(written) <= limits.REMEMBERED_OCTETS and cursor.position == len(cursor.octets):
            if len(known) >= limits.REMEMBERED_LISTS:
                known.clear()
            known[written] = items
        return items
    macro = MACROS.get(cursor.peek_word())
    if macro is not None:
        cursor.word()
        return macro
    return (fetch_item(cursor),)


def _item_list(cursor: Cursor) -> tuple[FetchItem, ...]:
    items = cursor.items(fetch_item, limits.FETCH_ITEMS, "items of FETCH")
    if not items:
        cursor.refuse("an empty list of items")
    return tuple(dict.fromkeys(items))


def fetch_item(cursor: Cursor) -> FetchItem:
    """One item, read by its parser in the table."""
    match = _ITEM.match(cursor.octets, cursor.position)
    if match is None:
        cursor.fail("an item of FETCH")
    parse = cursor.grammar.fetch_items.get(match[0].upper())
    if parse is None:
        cursor.fail("an item of FETCH that is known")
    cursor.position = match.end()
    return parse(cursor)


def attribute(item: FetchItem) -> Parser[FetchItem]:
    """The parser of an item that is only a word."""

    def parse(_: Cursor) -> FetchItem:
        return item

    return parse


def body(cursor: Cursor) -> FetchItem:
    """BODY, or BODY[…]."""
    return _section(cursor, peek=False) if cursor.looking_at(b"[") else fetch.BODY


def body_peek(cursor: Cursor) -> FetchItem:
    """BODY.PEEK[…]."""
    return _section(cursor, peek=True)


def binary(cursor: Cursor, *, peek: bool = False) -> FetchItem:
    """BINARY[…] and BINARY.PEEK[…]. RFC 3516 §4.2."""
    cursor.expect(b"[")
    part = _part(cursor)
    cursor.expect(b"]")
    return BinarySection(part, _partial(cursor), peek)


def binary_size(cursor: Cursor) -> FetchItem:
    """BINARY.SIZE[…]. RFC 3516 §4.2."""
    cursor.expect(b"[")
    part = _part(cursor)
    cursor.expect(b"]")
    return BinarySize(part)


RFC822: Final = attribute(Rfc822())
RFC822_HEADER: Final = attribute(Rfc822("HEADER"))
RFC822_TEXT: Final = attribute(Rfc822("TEXT"))


def _section(cursor: Cursor, *, peek: bool) -> BodySection:
    cursor.expect(b"[")
    if cursor.skip(b"]"):
        return BodySection(partial=_partial(cursor), peek=peek)
    part = _part(cursor)
    if part and cursor.skip(b"]"):
        return BodySection(part, partial=_partial(cursor), peek=peek)
    text = cursor.word("HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME").decode("ascii")
    # RFC 9051 §6.4.5: MIME is of a part.
    if text not in _TEXTS or (text == "MIME" and not part):
        cursor.refuse("unknown section")
    fields = _fields(cursor) if text in _FIELDS else ()
    cursor.expect(b"]")
    return BodySection(part, text, fields, _partial(cursor), peek)


def _part(cursor: Cursor) -> tuple[int, ...]:
    """The numbers in front of a section's word, with the dot behind them; empty without numbers."""
    match = _PART.match(cursor.octets, cursor.position)
    if match is None:
        return ()
    numbers = match[0].split(b".")
    # "1.2.MIME": the last dot stands before the word.
    if not cursor.octets.startswith(b"]", match.end()) and numbers.pop():
        cursor.fail("a part number, and ']' or a dot")
    if len(numbers) > limits.SECTION_NUMBERS:
        cursor.refuse("part number too deep")
    part = tuple([_part_number(cursor, number) for number in numbers])
    cursor.position = match.end()
    return part


def _part_number(cursor: Cursor, digits: bytes) -> int:
    number = int(digits) if digits and len(digits) <= limits.NUMBER_DIGITS else 0
    if not 0 < number < 1 << 32:
        cursor.fail("a part number")
    return number


def _fields(cursor: Cursor) -> tuple[str, ...]:
    cursor.space()
    names = cursor.items(Cursor.astring, limits.HEADER_NAMES, "header fields")
    if not names:
        cursor.refuse("an empty list of header fields")
    # RFC 5322 §3.6.8: a field name is printable ASCII without ":"; no other can be in a header.
    for name in names:
        if not name.isascii() or not name.decode("ascii").isprintable() or b":" in name:
            cursor.refuse("not a header field name")
    return tuple([name.decode("ascii") for name in names])


def _partial(cursor: Cursor) -> Partial | None:
    if not cursor.skip(b"<"):
        return None
    # RFC 9051 §9: number64 "." nz-number64; RFC 3501 has 32 bits.
    offset = cursor.number64()
    cursor.expect(b".")
    count = cursor.number64()
    if not count:
        cursor.refuse("no octets are asked for")
    cursor.expect(b">")
    return Partial(offset, count)


def _modifiers(cursor: Cursor) -> tuple[int | None, Parameters]:
    table = cursor.grammar.fetch_modifiers
    given = dict(parameters(cursor, table, limits.OPTIONS, "modifier of FETCH"))
    since = given.pop("CHANGEDSINCE", None)
    return since if isinstance(since, int) else None, given or NO_PARAMETERS


ATTRIBUTES: Final = tuple(
    Attribute(name)
    for name in (
        "BODYSTRUCTURE",
        "ENVELOPE",
        "FLAGS",
        "INTERNALDATE",
        "MODSEQ",
        "RFC822.SIZE",
        "UID",
    )
)
"""The items of the base that are only a word."""
