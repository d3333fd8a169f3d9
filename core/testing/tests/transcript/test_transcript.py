"""The transcript reader and runner, against a dialogue that upper-cases lines."""

from __future__ import annotations

import pytest
from thurn_testing.transcript import MismatchError, ScriptError, parse, run
from thurn_testing.transcript.runner import (
    BLOCK_OCTETS,
    EDGE_OCTETS,
    LARGE_LINE_OCTETS,
    LONGEST_CUT_OCTETS,
    Stream,
    cuts_of,
    single_octets,
)
from thurn_testing.transcript.script import unescape


class Shout:
    """Answers each line in capitals; `QUIT` closes."""

    def __init__(self, settings):
        self.banner = settings.get("banner", "HELLO")
        self.rest = b""
        self.closed = False

    def connect(self):
        return self.banner.encode() + b"\r\n"

    def feed(self, octets):
        if self.closed:
            return b""
        *lines, self.rest = (self.rest + octets).split(b"\r\n")
        self.closed = b"quit" in lines
        return b"".join(line.upper() + b"\r\n" for line in lines)

    def act(self, verb, argument):
        return f"{verb}={argument}\r\n".encode()


class Hasty(Shout):
    """Answers what has come, whole line or not: depends on the cuts."""

    def feed(self, octets):
        return octets.upper() if octets.endswith(b"\r\n") else b""


GOOD = """RFC 5321 §4.1: capitals
# a comment
X: set banner HI THERE
S: HI THERE

C: one
S: ONE
C= t\\x77o\\r\\n
S~ T.O
X: advance 300
S: advance=300
C: a
C: b
S* [AB]
C: quit
S: QUIT
X: closed
C: ignored
"""


def test_good_passes():
    script = parse(GOOD, "good")
    assert script.title == "RFC 5321 §4.1: capitals"
    assert script.settings == {"banner": "HI THERE"}
    run(script, Shout)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x\nS: HELLO\nC: a\nS: B\n", "t:4.*expected 'B', got b'A'"),
        ("x\nS: HELLO\nC: a\n", "came also b'A"),
        ("x\nS: HELLO\nC: a\nS: A\nS: B\n", "t:5.*expected 'B', got b''"),
        ("x\nS: HELLO\nX: closed\n", "t:3.*not closed"),
        ("x\nS: HELLO\nX: advance 1\n", "after the last line|came also"),
        ("x\nS: HELLO\nC: a\nC: b\nS: A\nC: c\nS: B\nS: C\n", "in turn"),
    ],
)
def test_mismatch_names_the_line(text, words):
    with pytest.raises(MismatchError, match=words):
        run(parse(text, "t"), Shout)


def test_result_that_depends_on_cuts_is_found():
    script = parse("x\nS: HELLO\nC: a\nC: b\nS* [AB]\n")
    with pytest.raises(MismatchError, match="octet by octet"):
        run(script, Hasty)
    run(parse("x\nX: whole\nS: HELLO\nC: a\nC: b\nS* [AB]\n"), Hasty)


def test_turn_ends_a_stream():
    fed = []

    class Listening(Shout):
        def feed(self, octets):
            fed.append(octets)
            return super().feed(octets)

    run(parse("x\nX: whole\nS: HELLO\nC: a\nS: A\nX: turn\nC: b\nC: c\nS: B\nS: C\n"), Listening)
    assert fed == [b"a\r\n", b"b\r\nc\r\n"]


SMALL, LARGE = b"a command\r\n", b"{" + b"some line\r\n" * 30_000 + b"}"
LINES = [SMALL, LARGE, SMALL]


@pytest.mark.parametrize("cut", [single_octets, cuts_of(1), cuts_of(2)])
@pytest.mark.parametrize("lines", [[], [SMALL], [LARGE], [LARGE, LARGE], LINES])
def test_cuts_keep_every_octet_in_order(lines, cut):
    pieces = list(cut(Stream.of(lines)))
    assert b"".join(pieces) == b"".join(lines)
    assert all(pieces)


def test_a_large_line_is_cut_octet_by_octet_at_its_ends_only():
    pieces = list(single_octets(Stream.of(LINES)))
    edge = len(SMALL) + EDGE_OCTETS
    assert {len(one) for one in pieces[:edge] + pieces[-edge:]} == {1}
    blocks = pieces[edge:-edge]
    assert max(map(len, blocks)) <= BLOCK_OCTETS
    assert len(blocks) < 2 * len(LARGE) / BLOCK_OCTETS


def test_blocks_end_before_inside_and_behind_line_ends():
    blocks = list(single_octets(Stream.of([LARGE])))[EDGE_OCTETS : -EDGE_OCTETS - 1]
    assert blocks[0].endswith(b"line")
    assert blocks[1].endswith(b"line\r")
    assert blocks[2].endswith(b"line\r\n")


def test_a_line_that_is_not_large_is_cut_octet_by_octet():
    line = b"x" * LARGE_LINE_OCTETS
    assert len(list(single_octets(Stream.of([line])))) == LARGE_LINE_OCTETS


@pytest.mark.parametrize("seed", range(5))
def test_seeded_cuts_are_fine_at_the_ends_of_a_large_line(seed):
    pieces = list(cuts_of(seed)(Stream.of(LINES)))
    edge = len(SMALL) + EDGE_OCTETS
    position = 0
    for piece in pieces:
        is_fine = position < edge or position >= len(LARGE) + 2 * len(SMALL) - edge
        assert len(piece) <= (LONGEST_CUT_OCTETS if is_fine else BLOCK_OCTETS)
        position += len(piece)
    assert len(pieces) < 1000


@pytest.mark.parametrize(
    "text", ["", "C: a\n", "x\nC a\n", "x\nC= \\q\n", "x\nS~ (\n", "x\nC: a\nX: set a b\n"]
)
def test_not_a_transcript(text):
    with pytest.raises(ScriptError):
        parse(text)


def test_escapes():
    assert unescape(r"a\r\n\t\0\\\xfFé") == b"a\r\n\t\0\\\xff\xc3\xa9"
    assert unescape(r"<\{a.\x41*3}>") == b"<a.Aa.Aa.A>"
