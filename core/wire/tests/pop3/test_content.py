"""Dots, ends and TOP, against definitions that go line by line."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_wire.error import RemoteProtocolError
from thurn_wire.pop3 import content as module
from thurn_wire.pop3.content import Stuffer, size_octets, stuff, terminator, top
from thurn_wire.pop3.multiline import MultiLineReader

few = settings(max_examples=150, deadline=None)
pieces = st.sampled_from([b"\r\n", b".", b"a", b"\r", b"\n", b"xy", b"\r\n.", b"\r\n\r\n"])
octets = st.lists(pieces, max_size=25).map(b"".join)
messages = st.lists(st.sampled_from([b"", b".", b"..", b"a", b".b", b"cd"]), max_size=20).map(
    lambda lines: b"".join(line + b"\r\n" for line in lines)
)
cuts = st.lists(st.integers(0, 60), max_size=8)


def cut(data, places):
    edges = sorted({0, len(data), *(place for place in places if place < len(data))})
    return [data[a:b] for a, b in pairwise(edges)]


def by_lines(data):
    lines = data.split(b"\r\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines)


@few
@given(octets)
def test_stuff_is_a_dot_before_each_dotted_line(data):
    assert stuff(data) == by_lines(data)


@few
@given(octets, cuts)
def test_chunks_make_the_same_octets(data, places):
    stuffer = Stuffer()
    sent = b"".join([*map(stuffer.chunk, cut(data, places)), stuffer.end()])
    assert sent == stuff(data) + terminator(data)


@few
@given(octets, octets, cuts)
def test_reader_gives_back_content_and_what_is_behind(data, behind, places):
    stream = stuff(data) + terminator(data)
    reader = MultiLineReader(10_000)
    parts = cut(stream, places)
    for part in parts[:-1]:
        assert reader.feed(part) is None
    assert reader.feed(parts[-1] + behind) == behind
    assert reader.content() == data + b"\r\n" * (size_octets(data) > len(data))
    assert len(reader.content()) == size_octets(data)


def test_reader_is_bounded():
    reader = MultiLineReader(10)
    assert reader.feed(b"12345678\r\n") is None
    with pytest.raises(RemoteProtocolError, match="more than 10"):
        reader.feed(b"1")


@few
@given(messages, st.integers(0, 12), st.sampled_from([1, 2, 5, 65_536]))
def test_top_is_header_and_lines(message, lines, block):
    header, empty, body = message.partition(b"\r\n\r\n")
    if message.startswith(b"\r\n"):
        header, empty, body = b"", b"\r\n", message[2:]
    expected = (
        header + empty + b"".join(line + b"\r\n" for line in body.split(b"\r\n")[:-1][:lines])
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK_OCTETS", block)
        assert top(message, lines) == expected


@pytest.mark.parametrize(
    ("message", "lines", "expected"),
    [
        (b"", 3, b""),
        (b"A: b\r\n", 3, b"A: b\r\n"),
        (b"A: b", 0, b"A: b"),
        (b"A: b\r\n\r\n", 0, b"A: b\r\n\r\n"),
        (b"A: b\r\n\r\nno end", 0, b"A: b\r\n\r\n"),
        (b"A: b\r\n\r\nno end", 1, b"A: b\r\n\r\nno end"),
        (b"A: b\r\n\r\none\r\ntwo", 1, b"A: b\r\n\r\none\r\n"),
        (b"A: b\r\n\r\none\r\ntwo", 4_294_967_295, b"A: b\r\n\r\none\r\ntwo"),
        (b"\r\nbody\r\nmore\r\n", 1, b"\r\nbody\r\n"),
    ],
)
def test_top_at_the_edges(message, lines, expected):
    assert top(message, lines) == expected
