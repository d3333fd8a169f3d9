"""Fields put above a message: what is known of it is moved down, and nothing else differs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_message import scanner
from thurn_message.scanner import scan, scan_above

PIECES = st.sampled_from(
    [
        b"A: b",
        b"Content-Type: multipart/mixed; boundary=x",
        b"--x",
        b"--x--",
        b"To: a@b",
        b" fold",
        b"\tfold",
        b"\r\n",
        b"\n",
        b"\r",
        b":",
        b"no field",
        b"\0",
        b"",
        b"From : c",
    ]
)
OCTETS = st.lists(PIECES, max_size=14).map(b"".join)


def same(above: bytes, content: bytes) -> None:
    whole = above + content
    got, wanted = scan_above(whole, scan(content)), scan(whole)
    assert got.content == wanted.content
    assert (got.header_end, got.fields) == (wanted.header_end, wanted.fields)
    assert got.envelope == wanted.envelope
    assert (got.body, got.bodystructure) == (wanted.body, wanted.bodystructure)


@settings(max_examples=200)
@given(above=st.lists(PIECES, max_size=5).map(b"\r\n".join), content=OCTETS)
def test_as_if_scanned_anew(above, content):
    same(above and above + b"\r\n", content)
    same(above, content)


@pytest.mark.parametrize("content", [b"", b" fold\r\n\r\nx", b"\r\nx", b"\nx", b"A: b"])
def test_edges(content):
    same(b"Return-Path: <>\r\nDelivered-To: a@b\r\n", content)


@pytest.mark.parametrize("name", ["MAX_HEADER_OCTETS", "MAX_HEADER_FIELDS"])
def test_bounds_count_what_is_above(name, monkeypatch):
    for module in (scanner, scanner.read_fields.__globals__):
        space = module if isinstance(module, dict) else vars(module)
        monkeypatch.setitem(space, name, 4)
    same(b"A: b\r\nC: d\r\n", b"E: f\r\nG: h\r\nI: j\r\n\r\n")


def test_fields_are_not_read_twice(monkeypatch):
    content = b"A: b\r\n" * 50 + b"\r\nbody"
    below = scan(content)
    read = []
    original = scanner.read_fields

    def counting(octets, start, end):
        read.append(end - start)
        return original(octets, start, end)

    monkeypatch.setattr(scanner, "read_fields", counting)
    same_fields = scan_above(b"X: y\r\n" + content, below).fields
    assert len(same_fields) == 51
    assert read == [6]
