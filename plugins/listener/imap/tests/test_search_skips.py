"""What SEARCH passes over without a close look is never what a close look would find."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from thurn.plugin import Content
from thurn_listener_imap.search.check import Candidate, Scope
from thurn_listener_imap.search.keys import header_check, text_check
from thurn_listener_imap.search.text import (
    body_texts,
    field_text,
    fold,
    may_hold,
    those_that_may_hold,
)
from thurn_message.fields import read_fields
from thurn_wire.imap.search import HeaderKey, Place, TextKey

HEADER_PIECES = st.sampled_from(
    [
        b"Subject: ",
        b"From:",
        b"To : ",
        b"Content-Type: text/plain; charset=",
        b"utf-8",
        b"utf-7",
        b'"utf-8"',
        b"utf-16",
        b"iso-2022-jp",
        b"us-ascii",
        b"; charset*=utf-7''",
        b"hz",
        b"cp864",
        b"Content-Transfer-Encoding: ",
        b"Content-Transfer-Encoding:",
        b"7bit",
        b"8bit",
        b"base64",
        b"quoted-printable",
        b"(x)",
        b"=?utf-8?q?f=6Fo?=",
        b"=?utf-8?b?Zm9v?=",
        b"foo",
        b"fo",
        b"o",
        b"Foo Bar",
        b"\r\n ",
        b"\r\n\t",
        b"\r\n",
        b"\n",
        b"\n ",
        b"\r",
        b" ",
        b":",
        b"bar",
        b"\xe2\x84\xaa",
        b"\xe9",
        b"\xef\xac\x81",
        b"k",
        b"\0",
        b"%",
        b"\\",
        b"\x1c",
        b"\x0b",
        b"Content-Type: message/rfc822",
        b"Content-Type: multipart/mixed; boundary=b",
        b"Content-Type: message/delivery-status",
    ]
)
BODY_PIECES = st.sampled_from(
    [
        b"foo",
        b"f",
        b"oo",
        b"=6F",
        b"=\r\n",
        b"Zm9v",
        b"+AGYAbwBv-",
        b"~{foo~}",
        b"\r\n",
        b"--b",
        b"--b--",
        b"Foo",
        b"bar",
        b" ",
        b":",
        b"K",
        b"\xc3\xa9",
        b"\xff\xfef\0",
        b"f\0o\0o\0",
        b"Content-Type: text/plain; charset=utf-7",
        b"Subject: foo",
        b"\r\n\r\n",
        b"%",
    ]
)
NEEDLES = st.one_of(
    st.sampled_from(
        [
            "foo",
            "foo bar",
            "bar",
            "k",
            "fi",
            "o",
            "e",
            "f",
            " ",
            ":",
            "",
            "subject: foo",
            "%",
            "f\u014d",
            "\u212a",
            "fo\r\no",
            "foo\nbar",
            "to: foo",
            "zm9v",
            "\0",
            "\x1c",
        ]
    ),
    st.text("fobark :\r\n%", max_size=5),
)

SCOPE = Scope(None)  # of a single message, whose mailbox does not matter


@settings(max_examples=200, deadline=None)
@example(header=[b"Subject: ", b"foo", b"\r\n ", b"bar"], needle="foo bar")
@example(header=[b"Subject: ", b"\xe2\x84\xaa"], needle="k")
@example(header=[b"Subject: ", b"=?utf-8?q?f=6Fo?="], needle="foo")
@given(header=st.lists(HEADER_PIECES, max_size=14), needle=NEEDLES)
def test_header_sieve_agrees_with_every_value(header, needle):
    octets = b"".join(header) + b"\r\n"
    slow = any(
        field.name == b"subject" and fold(needle) in field_text(octets, field)
        for field in read_fields(octets, 0, len(octets))
    )
    assert header_check(HeaderKey("Subject", needle), SCOPE).test(Candidate(0, octets)) == slow


@settings(max_examples=200, deadline=None)
@example(
    header=[b"Content-Type: text/plain; charset=", b"utf-7"],
    body=[b"+AGYAbwBv-"],
    needle="foo",
    place=Place.BODY,
)
@example(
    header=[b"Content-Transfer-Encoding: ", b"base64"],
    body=[b"Zm9v"],
    needle="foo",
    place=Place.BODY,
)
@example(
    header=[b"Content-Transfer-Encoding: ", b"7bit", b"\r\n ", b"base64"],
    body=[b"Zm9v"],
    needle="foo",
    place=Place.BODY,
)
@example(
    header=[b"Content-Transfer-Encoding: ", b"quoted-printable"],
    body=[b"f", b"=\r\n", b"oo"],
    needle="foo",
    place=Place.TEXT,
)
@example(header=[b"Subject: ", b"=?utf-8?q?f=6Fo?="], body=[], needle="foo", place=Place.TEXT)
@example(header=[b"Subject: "], body=[b"\xe2\x84\xaa"], needle="k", place=Place.BODY)
@example(header=[b"To : ", b"foo"], body=[], needle="to: foo", place=Place.TEXT)
@example(header=[b"Subject: ", b"\r\n ", b"foo"], body=[], needle="subject: foo", place=Place.TEXT)
@given(
    header=st.lists(HEADER_PIECES, max_size=10),
    body=st.lists(BODY_PIECES, max_size=12),
    needle=NEEDLES,
    place=st.sampled_from(Place),
)
def test_body_sieve_agrees_with_every_text(header, body, needle, place):
    content = Content.of(b"".join(header) + b"\r\n\r\n" + b"".join(body))
    texts = body_texts(content.scan, headers=place is Place.TEXT)
    slow = any(fold(needle) in text for text in texts)
    one = Candidate(0)
    one.open(content)
    assert text_check(TextKey(place, needle)).test(one) == slow


@settings(max_examples=200, deadline=None)
@example(headers=[[b"Subject: ", b"Foo"], [b"From:", b"fo", b"\r\n ", b"o"]], needle="foo")
@example(headers=[[b"=?utf-8?q?f=6Fo?="], [b"\xe2\x84\xaa"], []], needle="k")
@given(
    headers=st.lists(st.lists(HEADER_PIECES, max_size=8), max_size=5),
    needle=NEEDLES.filter(str.isascii),
)
def test_headers_sieved_together_are_judged_as_each_alone(headers, needle):
    octets = [b"".join(header) + b"\r\n" for header in headers]
    plain = fold(needle).encode()
    found = those_that_may_hold(plain, octets)
    assert found == sorted(set(found))
    for n, one in enumerate(octets):
        if n in found:
            assert may_hold(plain, one)
        else:
            fields = read_fields(one, 0, len(one))
            assert not any(fold(needle) in field_text(one, field) for field in fields if plain)
