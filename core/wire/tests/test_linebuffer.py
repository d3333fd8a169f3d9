"""The line reader: CRLF only, bounds, in step, whatever the cuts."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire import linebuffer
from thurn_wire.linebuffer import BareLineEnd, LineBuffer, LineNeverEnds, LineTooLong


def read(buffer, limit):
    """Everything that comes out, errors by name."""
    found = []
    while True:
        try:
            line = buffer.next_line(limit)
        except (LineTooLong, BareLineEnd) as error:
            found.append(type(error).__name__)
        except LineNeverEnds:
            return [*found, "LineNeverEnds"]
        else:
            if line is None:
                return found
            found.append(line)


def whole(octets, limit):
    buffer = LineBuffer()
    buffer.receive(octets)
    return read(buffer, limit)


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"\r\n", [b""]),
        (b"a\nb\r\n", ["BareLineEnd"]),
        (b"a\rb\r\nc\r\n", ["BareLineEnd", b"c"]),
        (b"a\r\r\n", ["BareLineEnd"]),
        (b"\n\r\n", ["BareLineEnd"]),
        (b"12345678\r\n", [b"12345678"]),
        (b"123456789\r\nb\r\n", ["LineTooLong", b"b"]),
        (b"1234567890123\n4\r5\r\nb\r\n", ["LineTooLong", b"b"]),
        (b"12345678\r", []),
        (b"123456789\r", ["LineTooLong"]),
        (b"1234567890", ["LineTooLong"]),
    ],
)
def test_lines(octets, expected):
    assert whole(octets, 10) == expected


def test_bound_includes_crlf_however_it_comes():
    buffer = LineBuffer()
    found = []
    for octet in b"12345678\r\n123456789\r\nx\r\n":
        buffer.receive(bytes([octet]))
        found += read(buffer, 10)
    assert found == [b"12345678", "LineTooLong", b"x"]


def test_never_ends():
    assert whole(b"x" * (linebuffer.NEVER_ENDS_OCTETS + 1), 10) == ["LineTooLong", "LineNeverEnds"]
    buffer = LineBuffer()
    found = []
    for _ in range(linebuffer.NEVER_ENDS_OCTETS // 65_536 + 1):
        buffer.receive(b"x" * 65_536)
        found += read(buffer, 10)
        assert len(buffer) <= 65_536
    assert found == ["LineTooLong", "LineNeverEnds"]


def test_take_and_discard():
    buffer = LineBuffer()
    buffer.receive(b"BDAT 3\r\nabcNOOP\r\nrest")
    assert buffer.next_line(100) == b"BDAT 3"
    assert buffer.take(3) == b"abc"
    assert buffer.next_line(100) == b"NOOP"
    assert len(buffer) == 4
    assert buffer.discard() == 4
    buffer.receive(b"x")
    assert buffer.take_all() == b"x"
    assert buffer.take(5) == b""


@pytest.mark.parametrize("cut", [1, 3, 1000])
def test_skip_line_tells_the_end(cut):
    octets = b"x" * 100 + b" 0123456789 0123456789 {1234+}\r\nnext\r\n"
    buffer = LineBuffer()
    found = []
    skipping = False
    for position in range(0, len(octets), cut):
        buffer.receive(octets[position : position + cut])
        if not skipping and not found:
            with contextlib.suppress(LineTooLong):
                buffer.next_line(50)
                continue
            assert buffer.peek(3) == b"xxx"
            skipping = True
        if skipping:
            tail = buffer.skip_line()
            if tail is None:
                continue
            skipping = False
            found.append(tail)
        found += read(buffer, 50)
    assert found == [octets[:-8][-linebuffer.TAIL_OCTETS :], b"next"]


def test_skip_line_begins_anywhere():
    buffer = LineBuffer()
    buffer.receive(b"one\r\ntwo\r\n")
    assert buffer.skip_line() == b"one"
    assert buffer.next_line(10) == b"two"


def test_bare_line_end_shows_the_line():
    buffer = LineBuffer()
    buffer.receive(b"a\nb\r\n")
    with pytest.raises(BareLineEnd) as caught:
        buffer.next_line(10)
    assert caught.value.line == b"a\nb"


@settings(max_examples=200)
@given(
    octets=st.text(alphabet="ab\r\n", max_size=60).map(str.encode),
    cuts=st.lists(st.integers(1, 7), min_size=60, max_size=60),
)
def test_cuts_change_nothing(octets, cuts):
    buffer = LineBuffer()
    found, position = [], 0
    for length in cuts:
        buffer.receive(octets[position : position + length])
        found += read(buffer, 8)
        position += length
    assert found == whole(octets, 8)
