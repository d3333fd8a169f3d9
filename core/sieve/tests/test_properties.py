"""Properties of all scripts and all patterns."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from thurn_message.addresslist import parse_address_list
from thurn_sieve.context import Context, HeaderField, MailAddress
from thurn_sieve.diagnostics import CompileError, Diagnostics
from thurn_sieve.engine import Engine
from thurn_sieve.ext.extensions import shipped
from thurn_sieve.limits import Limits
from thurn_sieve.matching.glob import Glob
from thurn_sieve.parser import parse
from thurn_sieve.script import DumpError

ENGINE = Engine(shipped())
PIECES = [
    "if",
    "elsif",
    "else",
    "keep",
    "stop",
    "require",
    "fileinto",
    "header",
    "allof",
    "anyof",
    "not",
    "true",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ";",
    '"a"',
    '"',
    ":contains",
    ":is",
    ":",
    "10K",
    "1",
    "text:\n",
    ".\n",
    "\n",
    " ",
    "#",
    "/*",
    "*/",
    "\\",
    "set",
    "${a}",
    '"variables"',
    '"ihave"',
    "ihave",
    "include",
    "address",
    ":count",
    '"ge"',
    "size",
    ":over",
    "\r\n",
    "\0",
    "ü",
]


def compile_or_complain(source):
    try:
        script = ENGINE.compile(source)
    except CompileError as error:
        return None, error.diagnostics
    return script, script.warnings


def check_source(source):
    """Only CompileError is raised, and every error has a place in the source."""
    script, diagnostics = compile_or_complain(source)
    lines = len(source.splitlines()) + 2
    for diagnostic in diagnostics:
        assert 1 <= diagnostic.line <= lines
        assert diagnostic.column >= 1
        assert diagnostic.code
    if script is None:
        assert any(diagnostic.severity == "error" for diagnostic in diagnostics)
        return
    if not script.waits:
        result = ENGINE.evaluate_nowait(script, Context(b"Subject: a\r\n\r\n"))
        assert all(fault.code != "internal" for fault in result.errors), result.errors
    assert ENGINE.load(script.dump()).requires == script.requires


@given(st.binary(max_size=200))
@settings(max_examples=150)
def test_any_octets(source):
    check_source(source)


@given(st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join))
@settings(max_examples=200)
@example('require "ihave"; if header :count "a" {')
@example("if true { } else if true { }")
def test_any_pieces(source):
    check_source(source)


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
@settings(max_examples=100)
def test_line_ends_make_no_difference(source):
    crlf = source.replace("\r\n", "\n").replace("\n", "\r\n")
    first, second = Diagnostics(20), Diagnostics(20)
    one = parse(crlf.replace("\r\n", "\n"), Limits(), first)[1]
    two = parse(crlf, Limits(), second)[1]
    assert [str(node) for node in one] == [str(node) for node in two]
    assert [d.code for d in first.sorted] == [d.code for d in second.sorted]


def matches(pattern, text):
    """The reference: a table over pieces and characters, without a search or a shortcut."""
    pieces = []
    position = 0
    while position < len(pattern):
        if pattern[position] == "\\" and position + 1 < len(pattern):
            pieces.append((pattern[position + 1], False))
            position += 2
        else:
            pieces.append((pattern[position], pattern[position] in "*?"))
            position += 1
    row = [True] + [False] * len(text)
    for piece, wild in pieces:
        after = [row[0] and wild and piece == "*"]
        for index, character in enumerate(text):
            if wild and piece == "*":
                after.append(after[index] or row[index + 1])
            else:
                after.append(row[index] and (wild or piece == character))
        row = after
    return row[-1]


ALPHABET = "ab*?\\"


@given(st.text(ALPHABET, max_size=12), st.text("ab*?\\", max_size=16))
@settings(max_examples=200)
def test_the_glob_is_the_reference(pattern, text):
    glob = Glob(pattern)
    assert glob.fits(text) == matches(pattern, text)
    values = glob.captures(text, text, 100)
    if values is not None:
        assert values[0] == text
        plain = iter(values[1:])
        escaped = pattern.replace("\\\\", "\0").replace("\\*", "\1").replace("\\?", "\2")
        built = "".join(next(plain) if character in "*?" else character for character in escaped)
        unescaped = built.replace("\0", "\\").replace("\1", "*").replace("\2", "?")
        assert unescaped == text or "\\" in escaped


@given(st.text("ab?", min_size=65, max_size=90), st.text("ab", max_size=300))
@settings(max_examples=60)
def test_long_segments_with_question_marks(segment, text):
    pattern = f"*{segment}*"
    assert Glob(pattern).fits(text) == matches(pattern, text)
    cut = text[:50] + segment.replace("?", "b") + text[50:]
    assert Glob(pattern).fits(cut)


def test_stars_take_as_little_as_they_can():
    assert Glob("*a*").captures("xaya", "xaya", 9) == ["xaya", "x", "ya"]
    assert Glob("*?b").captures("aab", "aab", 9) == ["aab", "a", "a"]
    assert Glob("**b*").captures("abb", "abb", 9) == ["abb", "", "a", "b"]
    assert Glob("a*a").captures("a", "a", 9) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "character"),
    [
        ("*a" * 200 + "*b", "a"),
        ("*a" * 200 + "b*", "a"),
        ("*" + "a?" * 30 + "b*", "a"),
        ("*" + "a?" * 200 + "b*", "a"),
        ("?" * 500 + "*a*b", "a"),
    ],
)
def test_hostile_patterns_stay_linear(pattern, character):
    glob = Glob(pattern)

    def seconds(size):
        text = character * size
        begin = time.process_time()
        glob.fits(text)
        return time.process_time() - begin

    small = min(seconds(1 << 17) for _ in range(3))
    large = min(seconds(1 << 20) for _ in range(2))
    assert large < 40 * small + 0.01  # 8 times the size; never the 64 of a square


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece",
    [
        "keep;\n",
        "if true {",
        '"',
        "[",
        "/*",
        "text:\n",
        "not ",
        "(",
        "a b c ",
        '"a",',
        ":a ",
        "}",
        "\\",
    ],
)
def test_hostile_scripts_take_linear_time(piece):
    """32 times the source takes less than 160 times as long; a square takes 1024 times."""

    def seconds(octets):
        begun = time.process_time()
        parse(piece * (octets // len(piece)), Limits(), Diagnostics(20))
        return max(time.process_time() - begun, 0.001)

    assert seconds(320_000) < 5 * 32 * min(seconds(10_000) for _ in range(3))


@given(st.binary(max_size=80))
@settings(max_examples=60)
def test_any_octets_are_no_dump(octets):
    with pytest.raises((DumpError, CompileError)):
        ENGINE.load(octets)
    with pytest.raises((DumpError, CompileError)):
        ENGINE.load(b'{"format": "thurn-sieve/1"' + octets)


OCTETS = st.sampled_from(
    [
        b"a",
        b"Ab.c",
        b" ",
        b"\t",
        b"<",
        b">",
        b"@",
        b".",
        b"x.example",
        b'"',
        b"(",
        b")",
        b",",
        b":",
        b";",
        b"=?utf-8?q?a?=",
        b"\xff",
        b"\\",
        b"[",
        b"]",
        b"'",
        b"=?",
        b"a@b.c",
        b"<a@b.c>",
        b"\x00",
    ]
)


@given(st.lists(OCTETS, max_size=6).map(b"".join))
def test_the_short_way_to_an_address_comes_to_the_same(raw):
    raw = raw.strip(b" \t")
    slow = [MailAddress.of_mailbox(one) for one in parse_address_list(raw).mailboxes]
    fast = HeaderField("from", raw).addresses
    assert [(one.text, one.local, one.domain) for one in fast] == [
        (one.text, one.local, one.domain) for one in slow
    ]
