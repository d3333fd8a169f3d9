from __future__ import annotations

import pytest
from thurn.plugin import Content
from thurn.types.content import Blob
from thurn_listener_pop3.body import ContentReader, top_pieces

HEADER = b"Subject: x\r\n\r\n"
BODY = b"".join(b"line %d\r\n" % number for number in range(20_000))


@pytest.fixture(params=["memory", "file"])
def content(request, tmp_path):
    if request.param == "memory":
        return Content(Blob(HEADER + BODY), b"Received: y\r\n")
    path = tmp_path / "body"
    path.write_bytes(HEADER + BODY)
    return Content(Blob(path=path), b"Received: y\r\n")


def test_all_of_it_comes_in_bounded_pieces(content):
    with ContentReader(content) as reader:
        pieces = list(reader.pieces())
    assert b"".join(pieces) == content.read()
    assert max(map(len, pieces)) <= 65_536


@pytest.mark.parametrize("lines", [0, 1, 7, 19_999, 20_000, 10**9])
def test_top(content, lines):
    header_octets = len(content.prefix) + len(HEADER)
    with ContentReader(content) as reader:
        got = b"".join(top_pieces(reader, header_octets, lines))
    body = b"".join(BODY.splitlines(keepends=True)[:lines])
    assert got == content.prefix + HEADER + body
