"""Body transforms. RFC 5173 §5."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_message.scanner import scan
from thurn_sieve.ext.body.htmltext import html_text
from thurn_sieve.ext.body.transform import (
    DECODED_OCTETS,
    content_bodies,
    is_type,
    raw_body,
    text_bodies,
)

MIXED = (
    b"From: a@example.org\r\nContent-Type: multipart/mixed; boundary=foo\r\n\r\n"
    b"&lt;prologue>\r\n--foo\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n"
    b"--foo\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.b64encode("<p>Grüße <b>zw</b>ei</p>".encode())
    + b"\r\n--foo\r\nContent-Type: message/rfc822\r\n\r\nFrom: inner@example.org\r\n"
    b"Subject: inside\r\n\r\ninner body\r\n--foo\r\nContent-Type: text/plain\r\n"
    b"Content-Disposition: attachment\r\n\r\nattached\r\n--foo--\r\n\r\nepilogue\r\n"
)


def test_raw_is_the_whole_body():
    (text,) = raw_body(scan(MIXED))
    assert text.startswith("&lt;prologue>\r\n--foo")
    assert "Gr=FC=DFe" in text
    assert text.endswith("epilogue\r\n")


def test_content_decodes_each_part():
    assert list(content_bodies(scan(MIXED), ["text/plain"])) == ["Grüße", "inner body", "attached"]
    assert list(content_bodies(scan(MIXED), ["TEXT/HTML"])) == ["<p>Grüße <b>zw</b>ei</p>"]
    assert len(list(content_bodies(scan(MIXED), ["text"]))) == 4


def test_content_of_a_multipart_is_around_its_parts():
    assert list(content_bodies(scan(MIXED), ["multipart"])) == ["&lt;prologue>\r\n", "epilogue\r\n"]


def test_content_of_a_message_is_its_header():
    (text,) = content_bodies(scan(MIXED), ["message/rfc822"])
    assert text == "From: inner@example.org\r\nSubject: inside\r\n\r\n"


def test_the_empty_type_is_every_part():
    assert len(list(content_bodies(scan(MIXED), [""]))) == 7


@pytest.mark.parametrize("text", ["/", "text/", "/plain", "a/b/c"])
def test_malformed_types_match_nothing(text):
    assert not is_type(text)
    assert list(content_bodies(scan(MIXED), [text])) == []


def test_text_leaves_markup_and_attachments_out():
    assert list(text_bodies(scan(MIXED))) == ["Grüße", "Grüße zwei", "inner body"]


def test_broken_base64_is_read_as_far_as_it_goes():
    message = b"Content-Transfer-Encoding: base64\r\n\r\n!aGVs bG8\r\n=junk="
    assert list(text_bodies(scan(message))) == ["hello"]


def test_decoding_is_bounded():
    part = b"--b\r\n\r\n" + b"x" * 700_000 + b"\r\n"
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 10 + b"--b--\r\n"
    assert sum(map(len, text_bodies(scan(message)))) == DECODED_OCTETS


@given(body=st.binary(max_size=300), types=st.lists(st.text(max_size=10), max_size=3))
@settings(max_examples=150)
def test_no_octets_raise(body, types):
    for head in (b"", b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\n--a\r\n"):
        scanned = scan(head + body)
        list(content_bodies(scanned, [*types, ""]))
        list(text_bodies(scanned))
        raw_body(scanned)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>one</p><p>two</p>", "one two"),
        ("v<b>ia</b>gra", "viagra"),
        ("a<br>b", "a b"),
        ("<style>p {color: red}</style>x<script>alert('<p>')</script>y", "x y"),
        ("<title>t</title>b", "b"),
        ("a<!-- <p>hidden</p> -->b<!-->c", "abc"),
        ("&lt;p&gt; &amp; &eacute; &#8364;&nbsp;x", "<p> & é € x"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("x<script>never closed", "x"),
        ("x<a href='never", "x"),
        ("&#99999999999999999999;", "\ufffd"),
        ("<!DOCTYPE html><html>x</html>", "x"),
    ],
)
def test_html(source, text):
    assert html_text(source) == text


@given(st.text(alphabet="<>!-/&#;abpsx \"'", max_size=200))
@settings(max_examples=200)
def test_html_never_raises(source):
    html_text(source)


@pytest.mark.parametrize("piece", ["<", "<a", "<!--", "<script>", "&#1", "</style", "<p>", "&a"])
def test_html_is_linear(piece):
    """32 times the text takes less than 160 times as long; a square takes 1024 times."""

    def seconds(octets):
        source = piece * (octets // len(piece))
        begun = time.process_time()
        html_text(source)
        return max(time.process_time() - begun, 0.001)

    assert seconds(320_000) < 5 * 32 * min(seconds(10_000) for _ in range(3))
