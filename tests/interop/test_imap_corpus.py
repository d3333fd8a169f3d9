"""Real messages go into the demo by APPEND, BDAT and DATA and come out byte-identical by FETCH.

Whole, header, text, each part with its header, and partials; what is expected is cut from the
message as it was sent. `THURN_CORPUS` names a directory of *.eml; without it the library's own
small set is used.
"""

from __future__ import annotations

import imaplib
import os
import re
import smtplib
from pathlib import Path

import pytest
from clients import bdat, without_return_path
from office import HOST, ok
from thurn_message.scanner import scan

OWN = Path(__file__).parents[2] / "core" / "message" / "tests" / "data"
CORPUS = Path(os.environ.get("THURN_CORPUS") or OWN)
PARTS = 20
"""As many of a message's parts are asked for."""
PARTIALS = ((0, 1), (7, 40), (1000, 100_000))


def corpus():
    """Each message with CRLF line ends, as a client would send it."""
    for path in sorted(CORPUS.rglob("*.eml")):
        octets = re.sub(rb"\r\n|\r|\n", b"\r\n", path.read_bytes())
        yield octets if octets.endswith(b"\r\n") else octets + b"\r\n"


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


def sections(octets):
    """Section → its octets."""
    scanned = scan(octets)
    wanted = {
        "": octets,
        "HEADER": octets[: scanned.header_end],
        "TEXT": octets[scanned.header_end :],
    }
    for numbers, part in list(numbered(scanned.root))[:PARTS]:
        wanted[numbers] = octets[part.body_start : part.body_end]
        if numbers != "1" or scanned.root.is_multipart:
            wanted[f"{numbers}.MIME"] = octets[part.header_start : part.body_start]
    return wanted


def answered(client, number, items):
    """The literals of one FETCH, by what they are called in it."""
    asked = " ".join(f"BODY.PEEK[{name}]{partial}" for name, partial in items)
    found = {}
    for piece in ok(client.fetch(str(number), f"({asked})")):
        if isinstance(piece, tuple):
            name, origin = re.search(rb"BODY\[([^\]]*)\](<\d+>)? \{\d+\}$", piece[0]).groups()
            found[name.decode(), (origin or b"").decode()] = piece[1]
    return found


def check(client, number, octets):
    expected, asked = {}, []
    for name, whole in sections(octets).items():
        asked.append((name, ""))
        expected[name, ""] = whole
        for origin, length in PARTIALS[: 3 if name == "" else 1]:
            asked.append((name, f"<{origin}.{length}>"))
            expected[name, f"<{origin}>"] = whole[origin : origin + length]
    answers = answered(client, number, asked)
    assert answers.keys() == expected.keys(), number
    for name, piece in expected.items():
        assert answers[name] == piece, (number, name)


def by_append(office, messages):
    for octets in tuple(messages):
        if b"\0" in octets:
            # RFC 9051 §4.3: not in a literal. It comes by BDAT and DATA only.
            with pytest.raises(imaplib.IMAP4.error, match="NUL in a literal"):
                office.client.append("INBOX", None, None, octets)
            messages.remove(octets)
            continue
        ok(office.client.append("INBOX", None, None, octets))


def by_bdat(office, messages):
    for octets in messages:
        bdat(office.port("smtp"), "x@example.net", office.address, octets, size=100_000)


def by_data(office, messages):
    """In one TLS session."""
    with smtplib.SMTP(HOST, office.port("smtp"), "client.example.net", timeout=10) as client:
        client.starttls(context=office.trust)
        for octets in messages:
            client.sendmail("x@example.net", [office.address], octets, ["BODY=8BITMIME"])


def test_sections_of_a_known_message():
    octets = (
        b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\ntwo\r\n--b--\r\n"
    )
    assert sections(octets) == {
        "": octets,
        "HEADER": octets[:57],
        "TEXT": octets[57:],
        "1": b"one",
        "1.MIME": b"\r\n",
        "2": b"Subject: y\r\n\r\ntwo",
        "2.MIME": b"Content-Type: message/rfc822\r\n\r\n",
        "2.1": b"two",
        "2.1.MIME": b"Subject: y\r\n\r\n",
    }


@pytest.mark.slow
@pytest.mark.parametrize("door", [by_append, by_bdat, by_data], ids=lambda door: door.__name__[3:])
def test_the_corpus_comes_out_as_it_went_in(office, door):
    messages = list(corpus())
    assert len(messages) > 5
    door(office, messages)
    assert ok(office.client.select(readonly=True)) == [b"%d" % len(messages)]
    for number, sent in enumerate(messages, 1):
        octets = sent if door is by_append else without_return_path(sent)
        octets = octets.replace(b"\0", b"\x80")  # RFC 9051 §4.3: this literal holds no NUL
        whole = answered(office.client, number, [("", "")])["", ""]
        trace = whole[: len(whole) - len(octets)]
        assert whole == trace + octets
        if door is by_append:
            assert not trace
        else:
            assert trace.startswith(b"Return-Path: ")
            assert trace.count(b"\r\nReceived: ") == 1
        check(office.client, number, whole)
