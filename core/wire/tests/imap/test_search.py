"""SEARCH: keys as a tree, bounded; charsets; dates."""

from __future__ import annotations

import datetime

import pytest
from thurn_wire.imap import limits
from thurn_wire.imap.search import (
    ALL,
    And,
    DateKey,
    FlagKey,
    HeaderKey,
    ModseqKey,
    Not,
    Or,
    Place,
    Relation,
    SequenceKey,
    SizeKey,
    TextKey,
)
from thurn_wire.imap.sequence import SAVED, SequenceSet

SEEN = FlagKey("\\Seen")
DAY = datetime.date(1994, 2, 1)


@pytest.mark.parametrize(
    ("octets", "key"),
    [
        (b"ALL", ALL),
        (b"seen", SEEN),
        (b"UNSEEN", FlagKey("\\Seen", present=False)),
        (b"UNDRAFT", FlagKey("\\Draft", present=False)),
        (b"KEYWORD Foo", FlagKey("Foo")),
        (b"UNKEYWORD $x", FlagKey("$x", present=False)),
        (b"NEW", And((FlagKey("\\Recent"), FlagKey("\\Seen", present=False)))),
        (b"OLD", FlagKey("\\Recent", present=False)),
        (b"1,2:*", SequenceKey(SequenceSet(((1, 1), (2, None))))),
        (b"*", SequenceKey(SequenceSet(((None, None),)))),
        (b"UID 4", SequenceKey(SequenceSet(((4, 4),)), uid=True)),
        (b"$", SequenceKey(SAVED)),
        (b"FROM x", HeaderKey("FROM", "x", address=True)),
        (b'SUBJECT ""', HeaderKey("SUBJECT", "")),
        (b'HEADER X-y "a b"', HeaderKey("X-y", "a b")),
        (b"TEXT {2+}\r\n\xc3\xa9", TextKey(Place.TEXT, "é")),
        (b"BODY x", TextKey(Place.BODY, "x")),
        (b"BEFORE 1-Feb-1994", DateKey(Relation.BEFORE, DAY)),
        (b'SENTON "01-feb-1994"', DateKey(Relation.ON, DAY, sent=True)),
        (b"LARGER 4294967296", SizeKey(larger=True, size_octets=4_294_967_296)),
        (b"MODSEQ 5", ModseqKey(5)),
        (b'MODSEQ "/flags/\\\\draft" all 5', ModseqKey(5, "/flags/\\draft", "all")),
        (b"SEEN ALL", And((SEEN, ALL))),
        (b"NOT NOT SEEN", Not(Not(SEEN))),
        (b"OR SEEN NOT ALL", Or(SEEN, Not(ALL))),
        (b"OR OR SEEN ALL OR ALL SEEN", Or(Or(SEEN, ALL), Or(ALL, SEEN))),
        (b"(SEEN)", SEEN),
        (b"((SEEN ALL) ALL)", And((And((SEEN, ALL)), ALL))),
        (b"OR (SEEN ALL) (ALL) SEEN", And((Or(And((SEEN, ALL)), ALL), SEEN))),
        (b"NOT (OR SEEN ALL)", Not(Or(SEEN, ALL))),
    ],
    ids=str,
)
def test_key(parse, octets, key):
    found = parse(b"UID SEARCH " + octets)
    assert found.key == key
    assert found.uid
    assert found.returns is None


def test_returns(parse):
    assert parse(b"SEARCH RETURN () ALL").returns == {"ALL": None}
    assert dict(parse(b"SEARCH RETURN (min Count SAVE) 1").returns) == {
        "MIN": None,
        "COUNT": None,
        "SAVE": None,
    }


def test_charsets(parse):
    found = parse(b"SEARCH RETURN (ALL) CHARSET iso-8859-1 SUBJECT {1+}\r\n\xe9")
    assert found.key == HeaderKey("SUBJECT", "é")
    assert found.charset == "ISO-8859-1"
    refused = "t NO [BADCHARSET (US-ASCII UTF-8 ISO-8859-1 ISO-8859-15 WINDOWS-1252)] "
    assert parse(b"SEARCH CHARSET klingon ALL") == refused + "unknown charset\r\n"
    text = "a text that is not in its charset\r\n"
    assert parse(b"SEARCH CHARSET US-ASCII TEXT {1+}\r\n\xe9") == refused + text
    assert parse(b"SEARCH TEXT {1+}\r\n\xe9") == refused + text


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b" ",
        b" FOO",
        b" OR SEEN",
        b" OR SEEN (ALL",
        b" NOT",
        b" NOT ",
        b" ()",
        b" (SEEN",
        b" SEEN)",
        b" (SEEN))",
        b" ((((",
        b" SEEN  ALL",
        b" FROM",
        b" HEADER x",
        b" HEADER \xc3\xa9 x",
        b' HEADER "\xc3\xa9" x',
        b" BEFORE 31-Feb-1994",
        b" BEFORE yesterday",
        b' BEFORE "1-Feb-1994',
        b" BEFORE 1-Feb-94",
        b" BEFORE 1-Feb-0000",
        b" LARGER -1",
        b" LARGER 9223372036854775808",
        b" UID 0",
        b" UID x",
        b" 0",
        b" KEYWORD \\Seen",
        b" KEYWORD " + b"k" * 256,
        b" MODSEQ x",
        b' MODSEQ "x" mine 5',
        b" RETURN (FOO) ALL",
        b" RETURN ALL",
        b" RETURN (ALL)",
        b" CHARSET UTF-8",
    ],
    ids=str,
)
def test_refused(parse, octets):
    assert parse(b"SEARCH" + octets).startswith("t BAD ")


@pytest.mark.parametrize("opening", [b"(", b"NOT ", b"OR ALL ", b"(NOT ", b"OR "])
def test_depth_is_bounded(parse, opening):
    assert "too deep" in parse(b"SEARCH " + opening * 101 + b"ALL")
    assert "too deep" in parse(b"SEARCH " + opening * 9_000)


def test_depth_at_the_bound(parse):
    depth = limits.NESTING
    assert parse(b"SEARCH " + b"(" * depth + b"ALL" + b")" * depth).key == ALL
    key = parse(b"SEARCH " + b"NOT " * depth + b"ALL").key
    for _ in range(depth):
        key = key.key
    assert key == ALL


def test_keys_are_counted(parse):
    assert len(parse(b"SEARCH" + b" SEEN" * limits.SEARCH_KEYS).key.keys) == limits.SEARCH_KEYS
    assert "too many" in parse(b"SEARCH" + b" SEEN" * (limits.SEARCH_KEYS + 1))
