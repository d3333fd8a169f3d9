"""Compares the answers of thurn and of Debian's Dovecot about the same messages.

The message library's own small set always, and the corpus that `THURN_CORPUS` names. A difference
that no class of `differences` takes fails; each class is explained in
docs/explanation/imap-differences.md. Skipped without Dovecot; with THURN_REQUIRE_INTEROP a failure.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from differences import (
    TREE,
    Message,
    envelope_class,
    leaves,
    normal_body,
    section_class,
    structure_class,
)
from gateway import PASSWORD as OUR_PASSWORD
from gateway import gateway
from peer import PASSWORD, dovecot, why_not
from rawimap import Imap, fetched, tokens
from searches import KEYS, explained

pytestmark = [pytest.mark.interop, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
OWN = ROOT / "core" / "message" / "tests" / "data"
PAGE = ROOT / "docs" / "explanation" / "imap-differences.md"
ENVELOPE = (
    "date",
    "subject",
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "in-reply-to",
    "message-id",
)
FLAGS = ("", "\\Seen", "\\Flagged \\Seen", "\\Answered", "\\Deleted", "\\Draft", "$Important")
FIELDS = "(From TO subject X-nothing Content-Type received)"
SECTIONS = (
    "",
    "HEADER",
    "TEXT",
    f"HEADER.FIELDS {FIELDS}",
    f"HEADER.FIELDS.NOT {FIELDS}",
    "1",
    "2",
    "9",
    "1.MIME",
    "1.HEADER",
    "1.TEXT",
    "2.MIME",
    "2.HEADER",
    "2.TEXT",
    "1.1",
    "2.1",
    "1.1.1",
)
BOXES = (
    'LIST "" *',
    "CREATE a",
    "CREATE a/b",
    'LIST "" *',
    'LIST "" %',
    "LIST a %",
    "LIST a/ %",
    'LIST "" ""',
    'LIST "" INB%',
    "SUBSCRIBE a/b",
    'LSUB "" *',
    'LSUB "" %',
    "DELETE a",
    'LIST "" *',
    "STATUS a (MESSAGES)",
    "RENAME a/b r",
    'LIST "" *',
    'LSUB "" *',
    "CREATE INBOX",
    "DELETE INBOX",
    "DELETE nosuch",
    "SELECT nosuch",
    'LIST "" inbox',
    "CREATE w/",
    "STATUS INBOX (MESSAGES UIDNEXT UNSEEN)",
    "STATUS r (MESSAGES UIDNEXT UNSEEN)",
)


def messages():
    """All messages, with CRLF line ends."""
    directories = [OWN, *filter(None, [os.environ.get("THURN_CORPUS")])]
    paths = [path for one in directories for path in sorted(Path(one).rglob("*.eml"))]
    return [
        Message(path.name, re.sub(rb"\r\n|\r|\n", b"\r\n", path.read_bytes())) for path in paths
    ]


@pytest.fixture(scope="module")
def corpus():
    storable = [message for message in messages() if b"\0" not in message.octets]
    assert len(storable) > 15
    return storable


@pytest.fixture(scope="module")
def pair(corpus):
    """Connections to both, with the same mailbox selected."""
    missing = why_not()
    if missing and os.environ.get("THURN_REQUIRE_INTEROP"):
        pytest.fail(f"{missing}, and this run requires it")
    if missing:
        pytest.skip(missing)
    # Not among pytest's directories: each run closes those to others, and Dovecot has accounts.
    with (
        tempfile.TemporaryDirectory(prefix="pair-") as name,
        gateway(Path(name) / "thurn", ["alice"]) as ours,
        dovecot(Path(name) / "dovecot") as theirs,
    ):
        both = (fill(ours, OUR_PASSWORD, corpus), fill(theirs, PASSWORD, corpus))
        yield both
        for one in both:
            one.close()


def fill(port, password, corpus):
    imap = Imap(port)
    imap.good(f'LOGIN alice "{password}"'.encode())
    for number, message in enumerate(corpus):
        day = f"{number % 28 + 1:02d}-Feb-2020 {number % 24:02d}:11:12 +0000"
        _, answer = imap.append("INBOX", message.octets, FLAGS[number % len(FLAGS)], day)
        assert answer.startswith(b"OK"), (message.name, answer)
    imap.good(b"SELECT INBOX")
    return imap


def structures(pair, corpus):
    """{number: items} of both."""
    items = b"(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY)"
    both = [fetched(imap.good(b"FETCH 1:* " + items)) for imap in pair]
    assert list(both[0]) == list(both[1]) == list(range(1, len(corpus) + 1))
    return both


class Findings:
    """Differences by class, and those that belong to no class."""

    def __init__(self):
        self.known, self.new = Counter(), []

    def add(self, name, message, what, ours, theirs):
        if name is None:
            self.new.append(
                f"{message.name} {what}\n  thurn   {ours!r:.300}\n  Dovecot {theirs!r:.300}"
            )
            return
        self.known[name] += 1
        message.classes.add(name)

    def check(self, capsys):
        with capsys.disabled():
            print("\n", dict(sorted(self.known.items())))  # noqa: T201 - what the run has found
        page = PAGE.read_text("utf-8")
        unexplained = [name for name in self.known if f"`{name}`" not in page]
        assert not unexplained, f"{PAGE.name} does not explain {unexplained}"
        assert not self.new, f"{len(self.new)} new differences:\n" + "\n".join(self.new[:20])


def find_structures(findings, pair, corpus):
    ours, theirs = structures(pair, corpus)
    for number, message in enumerate(corpus, 1):
        one, other = ours[number], theirs[number]
        assert (one["UID"], one["RFC822.SIZE"]) == (other["UID"], other["RFC822.SIZE"])
        assert set(one["FLAGS"]) == set(other["FLAGS"]) - {"\\Recent"}
        # date-day-fixed is a space or a zero. RFC 3501 §9.
        assert one["INTERNALDATE"].strip() == other["INTERNALDATE"].lstrip(b"0")
        for field, mine, its in zip(ENVELOPE, one["ENVELOPE"], other["ENVELOPE"], strict=True):
            if mine != its:
                findings.add(envelope_class(message, field, mine, its), message, field, mine, its)
        for item in ("BODYSTRUCTURE", "BODY"):
            for path, mine, its in leaves(normal_body(one[item]), normal_body(other[item])):
                name = structure_class(message, mine, its)
                findings.add(name, message, f"{item} {path}", mine, its)
    return ours


def test_structures(pair, corpus, capsys):
    findings = Findings()
    find_structures(findings, pair, corpus)
    findings.check(capsys)


def numbered(body, prefix=""):
    """(numbers, part) of everything that has numbers."""
    if isinstance(body[0], list):
        children = [part for part in body if isinstance(part, list)]
        for number, child in enumerate(children, 1):
            yield f"{prefix}{number}", child
            yield from below(child, f"{prefix}{number}")
    elif not prefix:
        yield "1", body
        yield from below(body, "1")


def below(part, name):
    if isinstance(part[0], list):
        yield from numbered(part, f"{name}.")
    elif part[:2] == [b"message", b"rfc822"] and len(part) > 8:
        inner = part[8]
        if not isinstance(inner[0], list):
            yield f"{name}.1", inner
            yield from below(inner, f"{name}.1")
        else:
            yield from numbered(inner, f"{name}.")


def items(body):
    """What is asked of a message."""
    sections = [*SECTIONS]
    for name, part in list(numbered(body))[:15]:
        sections += [name, f"{name}.MIME"]
        if part[:2] == [b"message", b"rfc822"]:
            sections += [f"{name}.HEADER", f"{name}.TEXT", f"{name}.HEADER.FIELDS {FIELDS}"]
    sections = list(dict.fromkeys(sections))
    whole = [one for one in sections if "FIELDS.NOT" not in one]
    partial = [f"BODY.PEEK[{one}]<7.40>" for one in whole[:8]]
    more = ["BODY.PEEK[]<100000000.5>", "BODY.PEEK[TEXT]<0.1>", "RFC822.HEADER"]
    return [f"BODY.PEEK[{one}]" for one in sections] + partial + more


def test_sections(pair, corpus, capsys):
    findings = Findings()
    ours = find_structures(Findings(), pair, corpus)
    for number, message in enumerate(corpus, 1):
        command = f"FETCH {number} ({' '.join(items(ours[number]['BODY']))})".encode()
        one, other = [fetched(imap.good(command))[number] for imap in pair]
        assert one.keys() == other.keys()
        for item in one:
            if one[item] != other[item]:
                name = section_class(message, item, one[item], other[item])
                findings.add(name, message, item, one[item], other[item])
    findings.check(capsys)


@pytest.mark.parametrize("key", KEYS)
def test_search(pair, corpus, key):
    found = []
    for imap in pair:
        lines = imap.good(f"SEARCH {key}".encode())
        (line,) = [one for one in lines if one.upper().startswith(b"* SEARCH")]
        found.append(set(map(int, line.split()[2:])))
    ours, theirs = found
    new = [
        (corpus[number - 1].name, "only thurn" if number in ours else "only Dovecot")
        for number in sorted(ours ^ theirs)
        if not explained(key, corpus[number - 1], ours=number in ours)
    ]
    assert not new, key


def shape(line):
    """LIST, LSUB and STATUS responses, without regard to the order of attributes or items."""
    values = tokens(line)
    if values[1] == "STATUS":
        return values[1], values[2], sorted(zip(values[3][::2], values[3][1::2], strict=True))
    return values[1], sorted(values[2]), values[3], text(values[4])


def text(value):
    return value if isinstance(value, bytes) else value.encode()


def test_mailboxes(pair):
    for command in BOXES:
        (ours, answer), (theirs, their_answer) = [imap.call(command.encode()) for imap in pair]
        words = answer.split(b" ")[0], their_answer.split(b" ")[0]
        assert words[0] == words[1], (command, answer, their_answer)
        kept = [
            sorted(
                shape(line)
                for line in lines
                if line.startswith((b"* LIST", b"* LSUB", b"* STATUS"))
            )
            for lines in (ours, theirs)
        ]
        assert kept[0] == kept[1], command


def test_nul_in_a_message(pair):
    """RFC 9051 §4.3. Last: thurn refuses it, Dovecot stores another octet."""
    answers = [imap.append("INBOX", b"a: b\r\n\r\n\0\r\n")[1] for imap in pair]
    assert [answer.split(b" ")[0] for answer in answers] == [b"BAD", b"OK"]


def test_classes_of_trees_are_explained():
    page = PAGE.read_text("utf-8")
    assert all(f"`{name}`" in page for name in TREE)
