"""Large messages are read where they are asked for, and nowhere else."""

from pathlib import Path

import pytest
from thurn.plugin import Blob, Content, StorageTrouble
from thurn_kit.spool import Spool
from thurn_listener_imap.fetch.item import CutOff
from thurn_listener_imap.fetch.source import Head, KnownParts, SectionSpan, Source, Sources
from thurn_listener_imap.fetch.writer import section_writer
from thurn_wire.imap.fetch import BodySection, Partial

HEADER = b"Subject: large\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
PART = b"--b\r\n\r\nfirst\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
SIZE = 8_000_000


class Output:
    def __init__(self):
        self.octets = b""
        self.most = 0
        self.waiting = 0

    def write(self, octets):
        self.octets += octets
        self.waiting += len(octets)
        self.most = max(self.most, self.waiting)

    async def relieve(self):
        self.waiting = 0


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(PART + b"0123456\r\n" * (SIZE // 9) + b"--b--\r\n")
    return Content(Blob(path=path), HEADER)


@pytest.fixture
def sources(tmp_path):
    return Sources("alice", KnownParts(), Spool(tmp_path / "tmp"))


def octets_read():
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(lines[0].partition(": ")[2])


async def fetch(content, sources, item):
    output = Output()
    before = octets_read()
    with Source(Head("E1", len(HEADER)), content, sources) as source:
        await section_writer(item).write(source, output)
    return output, octets_read() - before


async def test_a_partial_reads_itself_only(large, sources):
    item = BodySection(partial=Partial(5_000_000, 1000), peek=True)
    output, octets = await fetch(large, sources, item)
    assert output.octets.startswith(b"BODY[]<5000000> {1000}\r\n")
    assert output.octets.endswith(large.read()[5_000_000:5_001_000])
    assert octets < 4096


async def test_a_header_reads_no_body(large, sources):
    output, octets = await fetch(large, sources, BodySection(text="HEADER", peek=True))
    assert output.octets == b"BODY[HEADER] {%d}\r\n%b" % (len(HEADER), HEADER)
    assert octets < 4096


async def test_the_first_part_of_several_is_no_more_than_itself(large, sources):
    output, _ = await fetch(large, sources, BodySection(part=(1,), peek=True))
    assert output.octets == b"BODY[1] {5}\r\nfirst"


async def test_a_part_is_found_once(large, sources):
    item = BodySection(part=(2,), partial=Partial(0, 9), peek=True)
    output, first = await fetch(large, sources, item)
    assert output.octets == b"BODY[2]<0> {9}\r\n0123456\r\n"
    assert first > SIZE
    item = BodySection(part=(2,), partial=Partial(4_500_000, 9), peek=True)
    output, again = await fetch(large, sources, item)
    assert output.octets == b"BODY[2]<4500000> {9}\r\n0123456\r\n"
    assert again < 4096


@pytest.mark.parametrize(
    "kind", [b"application/pdf", b"message/rfc822", b"text/plain", b"nonsense"]
)
async def test_the_first_piece_of_the_only_part_reads_itself_only(sources, tmp_path, kind):
    path = tmp_path / "large"
    path.write_bytes(b"0123456\r\n" * (SIZE // 9))
    head = b"Subject: large\r\nContent-Type: " + kind + b"\r\n\r\n"
    content = Content(Blob(path=path), head)
    output = Output()
    before = octets_read()
    with Source(Head("E2", len(head)), content, sources) as source:
        item = BodySection(part=(1,), partial=Partial(900, 9), peek=True)
        await section_writer(item).write(source, output)
        part = await source.part("1")
    assert octets_read() - before < 4096
    assert output.octets == b"BODY[1]<900> {9}\r\n0123456\r\n"
    known = content.scan.root
    assert part == SectionSpan(known.body_start, known.body_end, known.encoding)


async def test_a_whole_message_goes_out_in_pieces(large, sources):
    output, _ = await fetch(large, sources, BodySection(peek=True))
    assert output.octets == b"BODY[] {%d}\r\n%b" % (large.size_octets, large.read())
    assert output.most <= 2 * 65_536 + 100


async def test_a_file_that_is_gone(large, sources):
    large.blob.path.unlink()
    with pytest.raises(StorageTrouble):
        await fetch(large, sources, BodySection(peek=True))


async def test_a_file_that_was_cut(large, sources):
    content = Content(large.blob, HEADER)
    with large.blob.path.open("r+b") as file:
        file.truncate(1_000_000)
    with pytest.raises(CutOff):
        await fetch(content, sources, BodySection(peek=True))
