"""The end-of-data machine against a slow reading of RFC 5321 §4.1.1.4, and every smuggler."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.collector import Collector
from thurn_wire.enddata import EndOfData, stuff

LIMIT = 1000
SMUGGLERS = {
    "LF.LF": b"\n.\n",
    "LF.CRLF": b"\n.\r\n",
    "CRLF.LF": b"\r\n.\n",
    "CR.CR": b"\r.\r",
    "CR.CRLF": b"\r.\r\n",
    "CRLF.CR": b"\r\n.\r",
    "LF.CR": b"\n.\r",
    "CR.LF": b"\r.\n",
    "CRLF.CRCRLF": b"\r\n.\r\r\n",
    "CRCRLF.CRLF-inside": b"\r\r\n.x\r\n",
    "CRLF NUL.NUL CRLF": b"\r\n\0.\0\r\n",
    "CRLF.NUL CRLF": b"\r\n.\0\r\n",
    "LFCR.LFCR": b"\n\r.\n\r",
    "Unicode line ends": "\u2028.\u2028\u0085.\u0085".encode(),
    "VT.VT": b"\x0b.\x0b",
    "CRLF.space CRLF": b"\r\n. \r\n",
}


def feed(pieces, limit=LIMIT, spill=None, *, normalizes=False):
    """(content or None, result, what is behind the end) of a stream in pieces."""
    end = EndOfData(limit, spill, normalizes=normalizes)
    taken, pieces = [], list(pieces)
    for number, piece in enumerate(pieces):
        rest = end.feed(piece)
        if end.spills:
            taken.append(end.take_chunks())
        if rest is not None:
            result = end.finish()
            octets = None if result.octets is None else b"".join([*taken, result.octets])
            return octets, result, rest + b"".join(pieces[number + 1 :])
    return None, None, b""


def singles(octets):
    return [octets[i : i + 1] for i in range(len(octets))]


@pytest.mark.parametrize("variant", SMUGGLERS.values(), ids=SMUGGLERS)
def test_smuggler_cut_at_every_position(variant):
    inner = b"MAIL FROM:<evil@example.net>\r\nDATA\r\nx"
    stream = b"Subject: x\r\n\r\ny" + variant + inner + b"\r\n.\r\nQUIT\r\n"
    bare = re.search(rb"(?<!\r)\n|\r(?!\n)", variant) is not None
    expected, result, rest = feed([stream])
    assert rest == b"QUIT\r\n"
    assert result.bare_line_ends is bare
    assert (expected is None) is bare
    assert not result.too_large
    if not bare:
        assert inner in expected
    for cut in range(len(stream)):
        octets, other, rest = feed([stream[:cut], stream[cut:]])
        assert (octets, other, rest) == (expected, result, b"QUIT\r\n"), cut
    assert feed(singles(stream))[0] == expected
    assert feed(singles(stream), spill=5)[0] == expected


def normalized(received):
    """Slowly: stuffed dots go behind each true CRLF as received, then each line end is CRLF."""
    unstuffed = re.sub(rb"(?:(?<=\r\n)|(?<![\s\S]))\.", b"", received)
    return re.sub(rb"\r\n|\r|\n", b"\r\n", unstuffed)


@pytest.mark.parametrize("variant", SMUGGLERS.values(), ids=SMUGGLERS)
def test_a_normalized_smuggler_ends_nothing_here_or_further_on(variant):
    """The end is found in the octets as received; what is made later is content, and is stuffed."""
    received = b"Subject: x\r\n\r\ny" + variant + b"MAIL FROM:<evil@example.net>\r\nDATA\r\nx\r\n"
    stream = received + b".\r\nQUIT\r\n"
    expected = normalized(received)
    for cut in range(len(stream)):
        octets, result, rest = feed([stream[:cut], stream[cut:]], normalizes=True)
        assert (octets, rest) == (expected, b"QUIT\r\n"), cut
        assert result.size_octets == len(expected)
        assert not result.bare_line_ends
    for spill in (1, 2, 5):
        assert feed(singles(stream), spill=spill, normalizes=True)[0] == expected
    outward = stuff(expected)
    assert outward.index(b"\r\n.\r\n") == len(outward) - 5
    assert feed([outward])[0] == expected


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"\0"]), max_size=25).map(
        b"".join
    ),
    st.integers(1, 7),
    st.sampled_from([None, 1, 3]),
)
def test_normalizing_finds_the_same_end(octets, length, spill):
    stream = octets + b"\r\n.\r\nQUIT\r\n"
    pieces = [stream[at : at + length] for at in range(0, len(stream), length)]
    content, _, rest = feed(pieces, spill=spill, normalizes=True)
    _, strict, strict_rest = feed([stream])
    assert rest == strict_rest
    received = stream[: len(stream) - len(rest) - 3]
    assert content == normalized(received)
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", content) is None
    if not strict.bare_line_ends:
        assert content == strict.octets


def test_the_limit_counts_what_is_normalized():
    stream = b"a\n" * 500 + b"\r\n.\r\n"
    assert feed([stream], limit=1502, normalizes=True)[1].size_octets == 1502
    assert feed([stream], limit=1501, normalizes=True)[1].too_large


@pytest.mark.parametrize("variant", SMUGGLERS.values(), ids=SMUGGLERS)
def test_smuggler_as_the_first_octets(variant):
    stream = variant + b"x\r\n.\r\nQUIT\r\n"
    assert feed([stream])[2] == b"QUIT\r\n"
    assert feed(singles(stream))[1] == feed([stream])[1]


@pytest.mark.parametrize(
    ("stream", "content"),
    [
        (b".\r\n", b""),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"...\r\n.\r\n", b"..\r\n"),
        (b".a\r\n.\r\n", b"a\r\n"),
        (b"\r\n.\r\n", b"\r\n"),
        (b"\r\n..\r\n\r\n.\r\n", b"\r\n.\r\n\r\n"),
        (b"a\r\n..\r\n..b\r\n.c\r\n.\r\n", b"a\r\n.\r\n.b\r\nc\r\n"),
        (b"a.\r\n.\r\n", b"a.\r\n"),
    ],
)
@pytest.mark.parametrize("spill", [None, 1, 3])
def test_content(stream, content, spill):
    for pieces in ([stream], singles(stream), *([stream[:i], stream[i:]] for i in range(9))):
        octets, result, rest = feed(pieces, spill=spill)
        assert (octets, rest) == (content, b"")
        assert result.size_octets == len(content)


@pytest.mark.parametrize("dots", [b"", b"."])
@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("spill", [None, 64, 2000])
def test_limit_is_exact_and_the_end_is_found(dots, over, spill):
    line = dots + b"." * bool(dots) + b"a" * (98 - len(dots)) + b"\r\n"
    stream = line * 10 + b".\r\n"
    limit = LIMIT - over
    for size in (1, 7, 4096):
        pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
        octets, result, rest = feed([*pieces, b"NOOP\r\n"], limit=limit, spill=spill)
        assert result.too_large is bool(over)
        assert rest == b"NOOP\r\n"
        assert octets == (None if over else line[len(dots) :] * 10)


def test_memory_is_bounded():
    end = EndOfData(1_000_000, 10_000)
    for _ in range(500):
        assert end.feed(b"a" * 998 + b"\r\n") is None
        if end.spills:
            assert len(end.take_chunks()) < 12_000
    assert len(end._collector._waiting) < 12_000
    big = EndOfData(10_000)
    for _ in range(500):
        assert big.feed(b"." * 998 + b"\r\n") is None
    assert len(big._collector._waiting) + sum(map(len, big._collector._blocks)) < 12_000
    assert big.feed(b".\r\n") == b""
    assert big.finish().size_octets == 500_000


def test_collector_counts_line_ends_across_seams():
    for pieces, bare in [
        ([b"a\r", b"\nb"], False),
        ([b"a\r", b"b"], True),
        ([b"a\r"], True),
        ([b"\n"], True),
        ([b"a\r\n", b"\r\n"], False),
        ([b"a\r\n", b"\n"], True),
    ]:
        for spill in (None, 1):
            collector = Collector(LIMIT, spill)
            for piece in pieces:
                collector.add(piece)
            assert collector.finish().bare_line_ends is bare, pieces


LINES = st.lists(st.sampled_from([b".", b"..", b"", b"a", b".b", b"\r\n", b"\r", b"\n", b"\0"]))


@settings(max_examples=200)
@given(parts=LINES, size=st.integers(1, 9), spill=st.sampled_from([None, 1, 4, 50]))
def test_any_octets_any_cuts(parts, size, spill):
    body = b"".join(parts)
    stream = body + b"\r\n.\r\nREST"
    # A slow reading: the first CRLF.CRLF, the CRLF before the message counted.
    position = (b"\r\n" + stream).index(b"\r\n.\r\n")
    raw = stream[:position]
    content = re.sub(rb"(?:(?<=\r\n)|\A)\.", b"", raw)
    bare = re.search(rb"(?<!\r)\n|\r(?!\n)", raw) is not None
    pieces = [stream[i : i + size] for i in range(0, len(stream), size)]
    octets, result, rest = feed(pieces, spill=spill)
    assert rest == stream[position + 3 :]
    assert octets == (None if bare else content)
    assert result.size_octets == len(content)
    assert result.bare_line_ends is bare


@settings(max_examples=200)
@given(parts=LINES)
def test_stuff_and_back(parts):
    content = b"".join(parts)
    octets, result, rest = feed([stuff(content)])
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    assert octets == (lines if not lines or lines.endswith(b"\r\n") else lines + b"\r\n")
    assert rest == b""
    assert not result.bare_line_ends
