"""Texts of scripts that try to be line ends, paths, addresses or names of mailboxes."""

from __future__ import annotations

import pytest
from thurn_message.scanner import scan

EVIL = "\r\nBcc: evil@example.net\r\n\r\nevil body"
ENDS = {"CRLF": "\r\n", "LF": "\n", "CR": "\r", "twice": "\r\n\r\n", "folded": "\r\n "}


def filed(delivery):
    return [filing.mailbox for filing in delivery.filings]


def quoted(text):
    return text.replace("\\", "\\\\").replace('"', '\\"')


def given(text, *, variable):
    """The text as a string of a script: as it is, or in a variable."""
    return ("${v}", f'set "v" "{quoted(text)}";') if variable else (quoted(text), "")


def fields_of(octets):
    scanned = scan(octets)
    assert scanned.header_doubts == []
    return [field.name for field in scanned.fields]


def has_clean_line_ends(octets):
    rest = octets.replace(b"\r\n", b"")
    return b"\r" not in rest and b"\n" not in rest


# redirect: RFC 5228 §2.10.6, RFC 5321 §4.1.2

ADDRESSES = [
    "y@a.example\r\nRCPT TO:<evil@example.net>",
    "y@a.example\n",
    "y@a.example\r",
    "y\0@a.example",
    "y@a.example, evil@example.net",
    "a@b.example, c <y@a.example>",
    "<a@b.example> <y@a.example>",
    "Y\r\n <y@a.example>",
    "g:; <y@a.example>",
    "<<y@a.example>>",
    "y@a.example> SIZE=1",
    "y@a.example;",
    "g: y@a.example;",
    "y@a.example (x)",
    "@evil.example:y@a.example",
    "y@a@b.example",
    '"y\r\n"@a.example',
    "y@[127.0.0.1",
    "y",
    "@a.example",
    "y@",
    "-oQ/tmp@",
    "|/bin/sh",
    "/var/mail/alice",
    ":include:/etc/passwd",
    "\\evil",
    "y@a..example",
    "a" * 65 + "@a.example",
    "y@" + "a" * 64 + ".example",
    "y\u2028@a.example",
    "y@\u202ea.example",
]


@pytest.mark.parametrize("variable", [False, True])
async def test_redirect_to_what_is_no_address(desk, variable):
    """The address is checked after variables are put in; a bad one keeps the message."""
    for address in ADDRESSES:
        text, setting = given(address, variable=variable)
        delivery = await desk.deliver(f'require "variables"; {setting} redirect "{text}";')
        assert not delivery.sendings, address
        assert filed(delivery) == ["INBOX", "INBOX"], address


async def test_redirect_to_one_address_however_written(desk):
    """RFC 5228 §2.4.2.3."""
    for text in ("y@a.example", " z@a.example ", "<b@a.example>", '"Y, (Z" <c@a.example>'):
        delivery = await desk.deliver(f'redirect "{quoted(text)}";')
        (sending,) = delivery.sendings
        envelope = sending.envelope
        (recipient,) = envelope.recipients
        assert str(recipient.address) in text


async def test_a_redirected_message_has_the_sender_it_had(desk):
    """RFC 5321 §6.1: a null sender stays null, and a script cannot replace it."""
    for sender in (None, "x@example.net"):
        delivery = await desk.deliver('redirect "y@a.example";', sender=sender)
        (sending,) = delivery.sendings
        envelope, content = sending.envelope, sending.content
        assert (envelope.sender and str(envelope.sender)) == sender
        assert has_clean_line_ends(content.read())


# reject: RFC 5429 §2.1


@pytest.mark.parametrize("command", ["reject", "ereject"])
@pytest.mark.parametrize("sender", [None, "x@example.net"])
async def test_a_reason_is_one_line_of_the_reply(desk, command, sender):
    for end in ENDS.values():
        text, setting = given(f"no{end}250 2.0.0 Ok{end}.{end}MAIL FROM:<>", variable=True)
        delivery = await desk.deliver(
            f'require ["{command}", "variables"]; {setting} {command} "{text}";', sender=sender
        )
        # RFC 5429 §2.1.2: in the protocol, for a null sender as well: no report goes anywhere.
        assert not delivery.sendings
        assert delivery.rejection.code == 550
        assert delivery.rejection.text == "no 250 2.0.0 Ok . MAIL FROM:<>"


async def test_a_reason_of_megabytes_is_cut(desk):
    delivery = await desk.deliver('require "reject"; reject "' + "x" * 200_000 + '";')
    assert len(delivery.rejection.text) <= 400


# editheader: RFC 5293 §4, §6


@pytest.mark.parametrize("variable", [False, True])
@pytest.mark.parametrize("last", ["", ":last"])
async def test_a_value_makes_one_field(desk, variable, last):
    for end in ENDS.values():
        text, setting = given(f"a{EVIL}".replace("\r\n", end), variable=variable)
        delivery = await desk.deliver(
            f'require ["editheader", "variables"]; {setting} addheader {last} "X-A" "{text}";'
        )
        (octets,) = {filing.content.read() for filing in delivery.filings}
        before = fields_of(delivery.content.read())
        assert sorted(fields_of(octets)) == sorted([*before, b"x-a"])
        words = scan(octets).get(b"x-a").split()
        assert words == [b"a", b"Bcc:", b"evil@example.net", b"evil", b"body"]
        assert has_clean_line_ends(octets)
        assert octets.endswith(b"\r\n\r\nA body.\r\n")


@pytest.mark.parametrize(
    "name", ["X-A: b\r\nBcc", "X-A:", "X A", "X-A\r\n", "", "\0", "X-\u00e4", "X" * 1_000, "\r\n"]
)
async def test_a_name_that_is_none_adds_nothing(desk, name):
    text, setting = given(name, variable=True)
    delivery = await desk.deliver(
        f'require ["editheader", "variables"]; {setting} addheader "{text}" "b";'
    )
    assert filed(delivery) == ["INBOX", "INBOX"]
    assert delivery.filings[0].content is delivery.content


@pytest.mark.parametrize(
    "name", ["Received", "AUTO-SUBMITTED", "return-path", "Delivered-To", "x-sieve-redirected-from"]
)
async def test_fields_that_tell_where_it_was_are_not_deleted(desk, name):
    message = (
        b"Received: from a\r\nAuto-Submitted: auto-replied\r\n"
        b"X-Sieve-Redirected-From: bob@example.org\r\nFrom: x@example.net\r\n\r\nbody\r\n"
    )
    delivery = await desk.deliver(f'require "editheader"; deleteheader "{name}";', message)
    assert delivery.filings[0].content.read() == delivery.content.read()
    if name != "AUTO-SUBMITTED":
        delivery = await desk.deliver(f'require "editheader"; addheader "{name}" "x";', message)
        assert delivery.filings[0].content.read() == delivery.content.read()


# vacation: RFC 5230 §5, RFC 3834 §3


@pytest.mark.parametrize("tag", [":subject", ":from", ":handle", "reason"])
async def test_no_text_of_vacation_adds_a_field(desk, tag):
    for end in ENDS.values():
        value = f"alice@example.org{EVIL}".replace("\r\n", end)
        text, setting = given(value, variable=True)
        tags = "" if tag == "reason" else f'{tag} "{text}"'
        reason = text if tag == "reason" else "away"
        delivery = await desk.deliver(
            f'require ["vacation", "variables"]; {setting} vacation {tags} "{reason}";'
        )
        assert filed(delivery)[0] == "INBOX"
        assert delivery.sendings or tag == ":from"
        for envelope, content in ((one.envelope, one.content) for one in delivery.sendings):
            assert envelope.sender is None
            assert [str(one.address) for one in envelope.recipients] == ["x@example.net"]
            names = fields_of(content.read())
            assert b"bcc" not in names
            assert names.count(b"auto-submitted") == 1
            assert scan(content.read()).get(b"auto-submitted").startswith(b"auto-replied")


@pytest.mark.parametrize(
    "part",
    [
        "Bcc: evil@example.net\r\nContent-Type: text/plain\r\n\r\nx",
        "Auto-Submitted: no\r\nX-Loop: no\r\nContent-Type: text/plain\r\n\r\nx",
        "To: evil@example.net\r\nFrom: bob@example.org\r\nSubject: y\r\n\r\nx",
        "\r\n\r\nBcc: evil@example.net\r\n\r\nx",
        "no header at all",
        "Content-Type: text/plain\r\nBcc: a\r\n b\r\nContent-Type: text/html\r\n\r\nx",
    ],
)
async def test_no_part_of_vacation_adds_a_field(desk, part):
    delivery = await desk.deliver(f'require "vacation"; vacation :mime "{quoted(part)}";')
    for content in (one.content for one in delivery.sendings):
        names = fields_of(content.read())
        assert b"bcc" not in names
        assert b"x-loop" not in names
        for name in (b"to", b"from", b"subject", b"auto-submitted", b"content-type"):
            assert names.count(name) <= 1, name
        assert scan(content.read()).get(b"to") == b"x@example.net"
        assert scan(content.read()).get(b"content-type") in (None, b"text/plain")


# fileinto, include: names are not paths

MAILBOXES = [
    "../bob/INBOX",
    "..",
    ".",
    "a/../../b",
    "/etc/passwd",
    "a//b",
    "/a",
    "a/",
    "a\0b",
    "a\r\nb",
    "a\nb",
    "\x7f",
    "a/./b",
    "INBOX/../x",
    "a" * 5_000,
    "a/" * 500 + "b",
    "",
    "\u2028",
    "\r\n",
]


@pytest.mark.parametrize("variable", [False, True])
async def test_fileinto_what_is_no_name(desk, variable):
    """The message is kept, and the account gets a notice."""
    for name in MAILBOXES:
        text, setting = given(name, variable=variable)
        script = f'require ["fileinto", "variables"]; {setting} fileinto "{text}";'
        assert filed(await desk.deliver(script)) == ["INBOX", "INBOX"], name


async def test_a_tilde_and_words_of_a_shell_are_letters(desk):
    for name in ("~bob", "$HOME", "`id`", "a;b", "-rf"):
        delivery = await desk.deliver(f'require "fileinto"; fileinto "{name}";')
        assert filed(delivery) == [name]


@pytest.mark.parametrize("where", [":personal", ":global"])
@pytest.mark.parametrize("name", ["../accounts", "/etc/passwd", "..", "main\\0", "other"])
async def test_include_what_is_not_there(desk, name, where):
    await (await desk.account("bob")).put_document("sieve", "other", b"discard;")
    delivery = await desk.deliver(f'require "include"; include {where} "{name}"; discard;')
    assert filed(delivery) == ["INBOX", "INBOX"]


async def test_include_of_oneself_and_in_a_ring_keeps(desk):
    handle = await desk.account()
    await handle.put_document("sieve", "one", b'require "include"; include "two";')
    await handle.put_document("sieve", "two", b'require "include"; include "one";')
    for script in ('include "one";', 'include "main";'):
        delivery = await desk.deliver(f'require "include"; {script} discard;')
        assert filed(delivery) == ["INBOX", "INBOX"]
