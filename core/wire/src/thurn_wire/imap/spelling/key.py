"""Keys of SEARCH as octets. RFC 9051 §6.4.4.

Rule of this file: no recursion on the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from thurn_wire.error import LocalProtocolError
from thurn_wire.imap import search
from thurn_wire.imap.spelling.word import (
    Piece,
    Words,
    atom,
    date,
    encoded,
    quoted,
    sequence,
    without_space,
)


def search_key(words: Words, key: search.SearchKey) -> None:
    """Add a space and a key of SEARCH; the keys that are still to be written are on a stack."""
    words.raw(b"")
    waiting: list[search.SearchKey | bytes] = [key]
    while waiting:
        each = waiting.pop()
        if isinstance(each, bytes):
            words.joined(each)
        elif isinstance(each, search.And):
            separated: list[search.SearchKey | bytes] = [b")"]
            for inner in reversed(each.keys):
                separated += (inner, b" ")
            separated[-1] = b"("
            waiting += separated
        elif isinstance(each, search.Or):
            waiting += (each.right, b" ", each.left, b"OR ")
        elif isinstance(each, search.Not):
            waiting += (each.key, b"NOT ")
        else:
            words.pieces += _search_leaf(each)


def _search_leaf(key: search.SearchKey) -> list[Piece]:
    write = _LEAVES.get(type(key))
    if write is None:
        raise LocalProtocolError(f"a key that cannot be written: {key!r}")
    words = Words("")
    write(words, key)
    return without_space(words.pieces[1:])


def _flag_key(words: Words, key: search.FlagKey) -> None:
    if key.flag == "\\Recent":
        words.raw(b"RECENT" if key.present else b"OLD")
    elif key.flag.startswith("\\"):
        words.raw((b"" if key.present else b"UN") + atom(key.flag[1:].upper()))
    else:
        words.raw(b"KEYWORD" if key.present else b"UNKEYWORD").raw(atom(key.flag))


def _header_key(words: Words, key: search.HeaderKey) -> None:
    if key.address or key.field == "SUBJECT":
        words.raw(atom(key.field)).string(key.text)
    else:
        words.raw(b"HEADER").string(key.field).string(key.text)


def _date_key(words: Words, key: search.DateKey) -> None:
    words.raw((b"SENT" if key.sent else b"") + key.relation.value.encode()).raw(date(key.date))


def _modseq_key(words: Words, key: search.ModseqKey) -> None:
    words.raw(b"MODSEQ")
    if key.entry is not None:
        words.raw(quoted(encoded(key.entry))).raw(atom(key.scope or "all"))
    words.raw(b"%d" % key.modseq)


def _size_key(words: Words, key: search.SizeKey) -> None:
    words.raw(b"LARGER" if key.larger else b"SMALLER").raw(b"%d" % key.size_octets)


def _sequence_key(words: Words, key: search.SequenceKey) -> None:
    words.raw((b"UID " if key.uid else b"") + sequence(key.sequence))


def _text_key(words: Words, key: search.TextKey) -> None:
    words.raw(key.place.value.encode()).string(key.text)


def _all_key(words: Words, _key: search.All) -> None:
    words.raw(b"ALL")


_LEAVES: Final[Mapping[type[search.SearchKey], Callable[[Words, Any], None]]] = {
    search.All: _all_key,
    search.DateKey: _date_key,
    search.FlagKey: _flag_key,
    search.HeaderKey: _header_key,
    search.ModseqKey: _modseq_key,
    search.SequenceKey: _sequence_key,
    search.SizeKey: _size_key,
    search.TextKey: _text_key,
}
