"""Replies, marks and notices that are made from the texts of scripts and peers, for any text."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn.plugin import Address, Content
from thurn_delivery_sieve.onward import is_marked, redirect_key, redirected
from thurn_delivery_sieve.refusal import TEXT_CHARACTERS, refusal
from thurn_message.scanner import scan

ALICE = Address.parse("alice@example.org")


@given(st.text(max_size=600))
@settings(max_examples=200)
def test_a_refusal_is_one_line_of_ascii(reason):
    text = refusal(reason).text
    assert text
    assert text.isascii()
    assert text.isprintable()
    assert len(text) <= TEXT_CHARACTERS
    assert text == " ".join(text.split())


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("", "The recipient refuses this message"),
        ("\r\n \x00", "The recipient refuses this message"),
        ("a\r\n550 b", "a 550 b"),
        ("Übergröße, s'il vous plaît", "Ubergrosse, s'il vous plait"),
        ("漢字", "??"),
    ],
)
def test_refusals(reason, text):
    assert refusal(reason).text == text


@pytest.mark.parametrize(
    ("head", "left"),
    [
        (b"Return-Path: <x@y.example>\r\nA: b\r\n", b"A: b\r\n"),
        (b"A: b\r\nreturn-path : <x@y.example>\r\n\t(folded)\r\nC: d\r\n", b"A: b\r\nC: d\r\n"),
        (b"X-Return-Path: <x@y.example>\r\n", b"X-Return-Path: <x@y.example>\r\n"),
        (b"Return-Path: one\r\nReturn-Path: two\r\n", b""),
    ],
)
@pytest.mark.parametrize("prefix", [True, False])
def test_return_path_stays_behind(head, left, prefix):
    body = b"From: a@b.example\r\n\r\nReturn-Path: in the body\r\n"
    content = Content.of(body).prepend(head) if prefix else Content.of(head + body)
    sent = redirected(content, ALICE)
    assert sent.read() == b"X-Sieve-Redirected-From: alice@example.org\r\n" + left + body
    assert is_marked(sent.scan, ALICE)
    assert not is_marked(sent.scan, Address.parse("bob@example.org"))


def test_redirections_are_one_by_message_sender_and_address():
    one = scan(b"Message-ID: <1@x>\r\nReceived: a\r\n\r\nbody")
    same = scan(b"Message-ID: <1@x>\r\nReceived: b\r\n\r\nbody")
    bob = Address.parse("bob@example.org")
    key = redirect_key(one, ALICE, bob, "t1")
    assert redirect_key(same, ALICE, bob, "t2") == key
    others = [
        redirect_key(one, bob, bob, "t1"), redirect_key(one, ALICE, None, "t1"),
        redirect_key(scan(b"Message-ID: <2@x>\r\n\r\nbody"), ALICE, bob, "t1"),
        redirect_key(scan(b"Message-ID: <1@x>\r\n\r\nBody"), ALICE, bob, "t1"),
    ]  # fmt: skip
    assert key not in others
    without = scan(b"\r\nbody")
    assert redirect_key(without, ALICE, bob, "t1") != redirect_key(without, ALICE, bob, "t2")


COMMANDS = """
keep;
discard;
stop;
fileinto "a";
fileinto "${x}";
redirect "y@a.example";
redirect "${x}";
addheader "X-A" "${x}";
addheader "${x}" "b";
deleteheader "subject";
deleteheader :index 1 :contains "to" ["a", "${x}"];
vacation "${x}";
vacation :mime :subject "${x}" :from "a@b.example" "${x}";
reject "${x}";
addflag "${x} \\\\Seen";
setflag "f" "a b"; keep :flags "${f}";
set "x" "${x}${x}/";
if header :matches "subject" "*" { set "x" "${0}"; }
if header :index 2 :last :is ["to", "x-a"] "${x}" { fileinto :create "c/${x}"; }
if body :matches "*" { set "x" "body"; }
if body :content "text" :contains ["${x}", "a"] { fileinto :copy "b"; }
if duplicate :uniqueid "${x}" { stop; }
if date :value "ge" "date" "iso8601" "2" { set "x" "dated"; }
if currentdate :zone "${x}" "date" "x" { keep; }
if mailboxexists ["INBOX", "${x}"] { keep; }
if hasflag :contains ["f"] "${x}" { discard; }
if metadata "${x}" "/private/a" "b" { stop; }
""".strip().splitlines()
REQUIRE = (
    'require ["fileinto", "copy", "variables", "editheader", "vacation", "reject", "imap4flags",'
    ' "body", "date", "index", "duplicate", "mailbox", "mboxmetadata", "relational"];\n'
)
TO = b"To: alice@example.org"
MESSAGES = [
    b"",
    b"\r\n",
    TO + b"\r\nSubject: a/b\r\nDate: 1 Jan 2026 00:00:00 +0000\r\n\r\nx",
    TO + b"\r\nSubject: =?utf-8?q?=00=0D=0A?= \xff\r\n\r\n\x00\xff",
    TO + b", b@c.example\r\nTo: x\r\nX-A: ..\r\nSubject: ../..\r\n\r\n" + b"y" * 9000,
    b"Subject: \\Seen Bcc:\r\n a\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n",
]


def body_of(content):
    return content.read()[content.scan.header_end :]


async def test_no_script_raises_or_loses_mail(desk):
    """A message is kept, filed, sent, refused or discarded on purpose, for every script."""
    dice = random.Random(5228)
    for _ in range(250):
        script = REQUIRE + "\n".join(dice.choices(COMMANDS, k=dice.randint(1, 8)))
        delivery = await desk.deliver(
            script, dice.choice(MESSAGES), sender=dice.choice([None, "x@example.net"])
        )
        assert delivery.decided
        dropped = any(note.startswith("discarded") for note in delivery.notes)
        assert delivery.filings or delivery.sendings or delivery.rejection or dropped, script
        if any("failed" in note for note in delivery.notes):
            assert "INBOX" in [filing.mailbox for filing in delivery.filings], script
        for filing in delivery.filings:
            if filing.content.scan.get(b"auto-submitted") != b"auto-generated":
                assert body_of(filing.content) == body_of(delivery.content), script
