"""A corpus in by APPEND and out by FETCH, octet for octet: whole, header, text, parts, partials.

`THURN_CORPUS` names a directory of *.eml; without it the message library's own small set is used.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from thurn.app.application import settle
from thurn_listener_imap.extensions.binary import decode
from thurn_listener_imap.fetch.header import field_finder, pick_fields
from thurn_message.scanner import scan

OWN = Path(__file__).parents[4] / "core" / "message" / "tests" / "data"
CORPUS = Path(os.environ.get("THURN_CORPUS") or OWN)
FIELDS = (b"from", b"to", b"subject", b"date", b"content-type", b"references")
ENCODINGS = (b"7bit", b"8bit", b"binary", b"quoted-printable")


def corpus():
    """Each message with CRLF line ends, as a client would send it."""
    for path in sorted(CORPUS.rglob("*.eml")):
        yield re.sub(rb"\r\n|\r|\n", b"\r\n", path.read_bytes())


LARGE = b"".join(
    (
        b"From: a@example.net\r\nMIME-Version: 1.0\r\n",
        b"Content-Type: multipart/mixed; boundary=large\r\n",
        b"\r\n--large\r\n\r\nshort\r\n--large\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=\r\n" * 40_000,
        (
            b"--large\r\nContent-Type: message/rfc822\r\n\r\n"
            b"Subject: inner\r\n\r\ndeep\r\n--large--\r\n"
        ),
    )
)


def numbered(part, prefix=""):
    """(numbers, part) of everything that has numbers, as a client counts."""
    if part.is_multipart:
        for number, child in enumerate(part.children, 1):
            name = f"{prefix}{number}"
            yield name, child
            inner = child.children[0] if child.is_message and child.children else child
            if inner is not child and not inner.is_multipart:
                yield f"{name}.1", inner
            yield from numbered(inner, f"{name}.")
    elif not prefix:
        yield "1", part


def expectations(octets):
    """(item, its whole answer) for one message."""
    found = scan(octets)

    def literal(label, piece):
        """RFC 9051 §4.3: no NUL in a literal; 0x80 stands for it."""
        return b"%b {%d}\r\n%b" % (label, len(piece), piece.replace(b"\0", b"\x80"))

    def section(name, piece):
        label = f"BODY[{name}]".encode()
        yield f"BODY.PEEK[{name}]", literal(label, piece)
        yield f"BODY.PEEK[{name}]<7.40>", literal(label + b"<7>", piece[7:47])

    yield "ENVELOPE", b"ENVELOPE " + found.envelope
    yield "BODYSTRUCTURE", b"BODYSTRUCTURE " + found.bodystructure
    yield "BODY", b"BODY " + found.body
    yield "RFC822.SIZE", b"RFC822.SIZE %d" % len(octets)
    header, text = octets[: found.header_end], octets[found.header_end :]
    for name, piece in (("", octets), ("HEADER", header), ("TEXT", text)):
        yield from section(name, piece)
    ended = header.endswith(b"\n\r\n") or header == b"\r\n"
    for others in ("", ".NOT"):
        label = f"HEADER.FIELDS{others} ({' '.join(f.decode() for f in FIELDS)})"
        fields = pick_fields(header, FIELDS, others=bool(others)) + b"\r\n" * ended
        yield f"BODY.PEEK[{label}]", literal(f"BODY[{label}]".encode(), fields)
    for numbers, part in list(numbered(found.root))[:12]:
        body = octets[part.body_start : part.body_end]
        yield from section(numbers, body)
        yield (
            f"BODY.PEEK[{numbers}.MIME]",
            literal(f"BODY[{numbers}.MIME]".encode(), octets[part.header_start : part.body_start]),
        )
        if part.encoding in ENCODINGS and not part.is_multipart:
            plain = decode(body, part.encoding) if part.encoding == ENCODINGS[3] else body
            yield f"BINARY.SIZE[{numbers}]", f"BINARY.SIZE[{numbers}] {len(plain)}".encode()


@pytest.mark.slow
@pytest.mark.parametrize("store", ["memory", "spool"])
async def test_the_corpus_comes_out_as_it_went_in(open_world, store, mock_clock):
    messages = [*corpus(), LARGE]
    assert len(messages) > 10
    async with open_world(store, messages=()) as world:
        peer = await world.log_in(select="")
        for octets in messages:
            answer = await world.say(
                peer, b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(octets), octets)
            )
            if b"\0" in octets:
                # RFC 9051 §4.3: not from a client; by SMTP it may come.
                assert answer == b"a BAD NUL in a literal\r\n", answer[:200]
                await world.deliver(octets)
                continue
            assert answer.startswith(b"a OK [APPENDUID "), answer[:200]
        if store == "spool":
            await settle(world.site, once=True)
        await world.say(peer, b"b EXAMINE INBOX\r\n")
        for number, octets in enumerate(messages, 1):
            for item, expected in expectations(octets):
                answer = await world.say(peer, f"c FETCH {number} ({item})\r\n".encode())
                whole = b"* %d FETCH (%b)\r\nc OK FETCH done\r\n" % (number, expected)
                assert answer == whole, (number, item)
        assert not world.spooled()


def test_kept_fields_are_found_as_in_any_header():
    for octets in corpus():
        found = scan(octets)
        kept = b"".join(octets[f.start : f.end] for f in found.fields if f.name in FIELDS)
        for names in (FIELDS, FIELDS[:1], FIELDS[2:4]):
            assert b"".join(field_finder(names)(kept)) == pick_fields(kept, names)
