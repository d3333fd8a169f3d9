"""Vacation: the senders that are answered, and the answers. RFC 5230, RFC 3834."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_message.address import Address
from thurn_message.encodedword import decode_words
from thurn_message.scanner import scan
from thurn_sieve.ext.vacation.record import reply_handle, reply_key
from thurn_sieve.ext.vacation.reply import Reply, build_reply
from thurn_sieve.ext.vacation.rules import why_not

SENDER = Address.parse("x@example.net")
ME = Address.parse("alice@example.org")
PLAIN = b"From: x@example.net\r\nTo: Alice <Alice@EXAMPLE.org>\r\nSubject: hi\r\n"


def judge(fields=PLAIN, sender=SENDER, own=(), recipient=ME):
    return why_not(scan(fields + b"\r\nbody\r\n"), sender, recipient, own)


def test_a_person_who_writes_to_me_is_answered():
    assert judge() is None


def test_a_null_sender_is_not():
    assert judge(sender=None) == "null sender"


@pytest.mark.parametrize(
    "name",
    ["MAILER-DAEMON", "listserv", "majordomo", "owner-x", "x-request", "x-owner", "x-bounces+a=b"],
)
def test_programs_are_not(name):
    assert "program" in judge(sender=Address.parse(f"{name}@example.net"))


def test_oneself_is_not():
    assert judge(sender=Address.parse("ALICE@example.org")) == "the sender is the account itself"
    assert judge(own=["<x@example.net>"]) == "the sender is the account itself"


@pytest.mark.parametrize(
    "field",
    [
        b"List-Id: <a.example>",
        b"List-Unsubscribe: <mailto:a@b.example>",
        b"Auto-Submitted: auto-generated",
        b"Auto-Submitted: (x) auto-replied; a=b",
        b"Precedence: Bulk",
        b"Precedence: junk",
        b"Precedence: list",
        b"X-Auto-Response-Suppress: DR, OOF",
    ],
)
def test_automatic_mail_is_not(field):
    assert judge(PLAIN + field + b"\r\n") is not None


@pytest.mark.parametrize(
    "field", [b"Auto-Submitted: No (really)", b"Precedence: first-class", b"Listing: a"]
)
def test_what_only_looks_automatic_is(field):
    assert judge(PLAIN + field + b"\r\n") is None


def test_mail_to_others_is_not():
    assert judge(b"To: team@example.org\r\n") == "not addressed to the account"
    assert judge(b"To: team@example.org\r\n", own=["team@example.org"]) is None
    assert judge(b"Resent-Cc: g: a@b.example, alice@example.org;\r\n") is None
    assert judge(b"X-To: alice@example.org\r\n") == "not addressed to the account"


def build(answered=PLAIN, **changes):
    facts = {
        "to": SENDER,
        "from_": "Alice <alice@example.org>",
        "reason": "away\nuntil Monday",
        "date": "Tue, 24 Nov 2026 04:05:30 +0000",
        "message_id": "<1@mx.example.org>",
        **changes,
    }
    return scan(build_reply(Reply(**facts), scan(answered + b"\r\nbody\r\n")))


def test_a_reply():
    reply = build(PLAIN + b"Message-ID: <q@example.net>\r\nReferences: <o@example.net>\r\n")
    assert reply.get(b"from") == b"Alice <alice@example.org>"
    assert reply.get(b"to") == b"x@example.net"
    assert reply.get(b"subject") == b"Auto: hi"
    assert reply.get(b"auto-submitted").startswith(b"auto-replied")
    assert reply.get(b"in-reply-to") == b"<q@example.net>"
    assert reply.get(b"references") == b"<o@example.net> <q@example.net>"
    assert reply.get(b"message-id") == b"<1@mx.example.org>"
    assert reply.content.endswith(b"\r\n\r\naway\r\nuntil Monday\r\n")


def test_a_subject_beyond_ascii_is_encoded():
    reply = build(subject="Grüße aus dem Urlaub")
    assert reply.get(b"subject").startswith(b"=?utf-8?")
    assert decode_words(reply.get(b"subject")) == "Grüße aus dem Urlaub"
    reply = build(b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n")
    assert decode_words(reply.get(b"subject")) == "Auto: Grüße"


def test_a_reason_beyond_ascii_is_7_bit_on_the_wire():
    reply = build(reason="Grüße\n.\n")
    assert reply.content.isascii()
    assert reply.root.encoding == b"quoted-printable"


def test_a_subject_makes_no_second_field():
    reply = build(subject="a\r\nBcc: victim@example.net\r\n\r\nx")
    assert reply.get(b"bcc") is None
    assert reply.get(b"subject") == b"a Bcc: victim@example.net x"


def test_mime_brings_content_fields_only():
    reason = (
        "From: boss@example.org\nContent-Type: multipart/alternative; boundary=foo\n"
        "Bcc: x@example.net\n\n--foo\n\nGruß\n--foo--\n"
    )
    reply = build(reason=reason, mime=True)
    assert len([f for f in reply.fields if f.name == b"from"]) == 1
    assert reply.get(b"bcc") is None
    assert reply.root.is_multipart
    assert reply.get(b"content-transfer-encoding") == b"8bit"
    assert reply.content.endswith(b"--foo\r\n\r\nGru\xc3\x9f\r\n--foo--\r\n")


def test_a_long_thread_is_shortened():
    many = b" ".join(b"<%d@example.net>" % number for number in range(300))
    reply = build(PLAIN + b"Message-ID: <q@example.net>\r\nReferences: " + many + b"\r\n")
    ids = reply.get(b"references").split()
    assert ids[0] == b"<0@example.net>"
    assert ids[-2:] == [b"<299@example.net>", b"<q@example.net>"]
    assert len(ids) == 20


@given(subject=st.text(max_size=80), reason=st.text(max_size=200), mime=st.booleans())
@settings(max_examples=150)
def test_no_text_raises_or_adds_fields(subject, reason, mime):
    reply = build(subject=subject, reason=reason, mime=mime)
    names = {field.name for field in reply.fields}
    assert {name for name in names if not name.startswith(b"content-")} <= {
        b"from",
        b"to",
        b"subject",
        b"date",
        b"message-id",
        b"auto-submitted",
        b"precedence",
        b"x-auto-response-suppress",
        b"mime-version",
    }


@given(value=st.binary(max_size=120))
@settings(max_examples=150)
def test_no_message_raises(value):
    head = b"Subject: " + value + b"\r\nMessage-ID: <" + value + b">\r\nReferences: " + value
    build(head + b"\r\n")
    judge(head + b"\r\nTo: " + value + b"\r\nAuto-Submitted: " + value + b"\r\n")


def test_equal_replies_have_equal_keys():
    base = {"subject": None, "from_": None, "mime": False, "reason": "x"}
    key = reply_key(reply_handle(**base), SENDER)
    assert key == reply_key(reply_handle(**base), Address.parse("X@example.net"))
    assert key != reply_key(reply_handle(**{**base, "reason": "y"}), SENDER)
    assert key != reply_key(reply_handle(**base), ME)
    one = reply_key(reply_handle(**base, handle="h"), SENDER)
    assert one == reply_key(reply_handle(**{**base, "reason": "y"}, handle="h"), SENDER)
