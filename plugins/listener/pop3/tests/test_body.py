"""Contents are read in pieces, and no further than asked for."""

from __future__ import annotations

import errno
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thurn.plugin import Blob, Content, StorageTrouble
from thurn_kit.spool import Spool
from thurn_listener_pop3.body import ContentReader, top_pieces
from thurn_wire.pop3.content import top

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


def test_top_without_lines_leaves_the_body_alone(tmp_path):
    path = tmp_path / "body"
    path.write_bytes(HEADER + BODY)
    with ContentReader(Content(Blob(path=path))) as reader:
        assert list(top_pieces(reader, len(HEADER), 0)) == [HEADER]
        assert reader.read(len(BODY) + 1) == BODY  # nothing of it had been read


@given(
    content=st.lists(st.sampled_from([b"a", b".", b"\r\n", b"\n", b"\r", b"x" * 30])).map(b"".join),
    prefix=st.sampled_from([b"", b"Received: y\r\n"]),
    lines=st.integers(0, 12),
    piece_octets=st.sampled_from([1, 2, 7, 65_536]),
)
def test_top_is_what_the_engine_makes_of_the_whole(content, prefix, lines, piece_octets):
    whole = Content(Blob(content), prefix)
    with ContentReader(whole) as reader, pytest.MonkeyPatch.context() as patch:
        patch.setattr("thurn_listener_pop3.body.PIECE_OCTETS", piece_octets)
        got = b"".join(top_pieces(reader, header_length(whole.read()), lines))
    assert got == top(whole.read(), lines)


def header_length(octets):
    if octets.startswith(b"\r\n"):
        return 2
    found = octets.find(b"\r\n\r\n")
    return len(octets) if found < 0 else found + 4


def test_a_file_that_is_missing_is_trouble_of_the_store(tmp_path):
    path = tmp_path / "body"
    path.write_bytes(HEADER)
    content = Content(Blob(path=path))
    path.unlink()
    with pytest.raises(StorageTrouble):
        ContentReader(content)


@pytest.mark.parametrize("disk_full", [False, True])
async def test_a_large_content_in_memory_is_set_aside(tmp_path, monkeypatch, disk_full):
    content = Content(Blob(HEADER + BODY), b"Received: y\r\n")
    spool = Spool(tmp_path / "tmp")
    if disk_full:
        monkeypatch.setattr("os.write", full)
    octets = content.blob.read()
    references = sys.getrefcount(octets)
    reader = await ContentReader.open(content, spool)
    assert list((tmp_path / "tmp").iterdir()) == []
    whole = content.read()
    del content
    if not disk_full:
        assert sys.getrefcount(octets) < references
    # Without room for a file it stays in memory: that a message can be read comes first.
    with reader:
        assert b"".join(reader.pieces()) == whole


def full(*_):
    raise OSError(errno.ENOSPC, "full")
