"""Content made for cost: the work grows with the octets, never with their square.

Steps are lines of ours that run, counted by tracing: they do not depend on the machine. What runs
inside of one search or one expression is no line, so the processor's time is compared too: 64 times
the content may take 20 times as long as in proportion, where a square would take 64 times.
"""

from __future__ import annotations

import base64
import sys
import time

import pytest
from thurn_message.addresslist import parse_address_list
from thurn_message.date import parse_date
from thurn_message.encodedword import decode_words
from thurn_message.limits import (
    MAX_ADDRESSES,
    MAX_BOUNDARY_OCTETS,
    MAX_DEPTH,
    MAX_ENCODED_WORDS,
    MAX_MESSAGE_IDS,
    MAX_PARAMETERS,
)
from thurn_message.msgid import parse_message_ids
from thurn_message.parameter import decode_parameters, join_parameters, split_value, strip_comments
from thurn_message.scanner import scan

SMALL = 1_000
LEAST_SECONDS = 0.001
"""Shorter times are noise."""


def read_parameters(value):
    parameters = split_value(value)[1]
    join_parameters(parameters)
    return decode_parameters(parameters)


def read_addresses(value):
    return parse_address_list(value, strict=True)


def read_message(content):
    scanned = scan(content)
    return (
        scanned.parts,
        scanned.envelope,
        scanned.bodystructure,
        scanned.body,
        scanned.header_doubts,
    )


def multipart(boundary, rest):
    return b'Content-Type: multipart/mixed; boundary="%b"\r\n\r\n%b' % (boundary, rest)


def nested(boundaries, rest=b""):
    opened = (multipart(name, b"--" + name + b"\r\n") for name in boundaries)
    return b"".join(opened) + b"\r\n" + rest


GROWING = {
    # RFC 2231
    "sections": (read_parameters, lambda n: b"a/b" + b"".join(b"; n*%d*=x" % i for i in range(n))),
    "sections backwards": (
        read_parameters,
        lambda n: b"a/b" + b"".join(b"; n*%d*=x" % i for i in range(n, -1, -1)),
    ),
    "sections of one number": (read_parameters, lambda n: b"a/b" + b"; n*0*=x" * n),
    "a number of many digits": (read_parameters, lambda n: b"a/b; n*" + b"9" * n + b"*=x"),
    "stars": (read_parameters, lambda n: b"a/b; n" + b"*" * n + b"=x"),
    "percents": (read_parameters, lambda n: b"a/b; n*=utf-8''" + b"%4" * n),
    "apostrophes": (read_parameters, lambda n: b"a/b; n*=" + b"'" * n),
    "names without a value": (read_parameters, lambda n: b"a/b" + b";a " * n),
    "quotes in parameters": (read_parameters, lambda n: b"a/b" + b'; a="\\' * n),
    "long sections": (
        read_parameters,
        lambda n: b"a/b" + b"".join(b"; n*%d*=%b" % (i, b"%41" * (n // 50)) for i in range(100)),
    ),
    # comments
    "comments open": (read_addresses, lambda n: b"(" * n),
    "comments closed": (read_addresses, lambda n: b"(" * n + b")" * n + b" a@b.example"),
    "comments of backslashes": (read_addresses, lambda n: b"(\\" * n),
    "comments in a type": (read_parameters, lambda n: b"a/b" + b"(" * n + b")" * n + b";a=b"),
    "comments in a date": (parse_date, lambda n: b"Tue, 24 Nov 2026" + b"(" * n + b" 1:2:3 +0000"),
    "comments one by one": (strip_comments, lambda n: b'a(b)"' * n),
    # addresses
    "groups in groups": (read_addresses, lambda n: b"a:" * n),
    "groups never closed": (read_addresses, lambda n: b"a:" + b"b@c.example," * n),
    "groups closed": (read_addresses, lambda n: b"a:b@c.example;" * n),
    "words before an address": (read_addresses, lambda n: b"a " * n + b"<b@c.example>"),
    "words and dots": (read_addresses, lambda n: b"a . " * n + b"@b.example"),
    "signs": (read_addresses, lambda n: b"a@" * n),
    "routes": (read_addresses, lambda n: b"<" + b"@a.example," * n + b":b@c.example>"),
    "angles": (read_addresses, lambda n: b"a<" * n),
    "folds": (read_addresses, lambda n: b"a\r\n " * n),
    "encoded words in a name": (read_addresses, lambda n: b"=?utf-8?q?a?= " * n + b"<b@c.example>"),
    # encoded words
    "words": (decode_words, lambda n: b"=?utf-8?q?a?= " * n),
    "words of two charsets": (decode_words, lambda n: b"=?utf-8?q?a?= =?latin1?q?a?= " * n),
    "words of unknown charsets": (
        decode_words,
        lambda n: b"".join(b"=?x%d?q?a?= " % i for i in range(n)),
    ),
    "words never closed": (decode_words, lambda n: b"=?utf-8?q?a" * n),
    "words of long charsets": (decode_words, lambda n: (b"=?" + b"a" * 79) * n),
    "one word": (decode_words, lambda n: b"=?utf-8?b?" + b"QQ==" * n + b"?="),
    "shifts of ISO-2022-JP": (decode_words, lambda n: b"=?iso-2022-jp?b?" + b"GyRC" * n + b"?="),
    # References
    "message ids": (parse_message_ids, lambda n: b"<a@b.example>\r\n " * n),
    "message ids never closed": (parse_message_ids, lambda n: b"<a@" * n),
    "message ids of quotes": (parse_message_ids, lambda n: b'<"\\' * n),
    # MIME
    "delimiters that go on": (read_message, lambda n: multipart(b"b", b"--bx\r\n" * n)),
    "prefixes": (
        read_message,
        lambda n: nested([b"b" * (i + 1) for i in range(60)], b"--bbbb\r\n\r\nx\r\n" * n),
    ),
    "prefixes of one line": (
        read_message,
        lambda n: nested([b"b" * (i + 1) for i in range(60)], b"--" + b"b" * n),
    ),
    "closed at all levels": (
        read_message,
        lambda n: nested(
            [b"%d." % i for i in range(60)], b"".join(b"--%d.--\r\n" % (i % 60) for i in range(n))
        ),
    ),
    "spaces behind delimiters": (
        read_message,
        lambda n: multipart(b"b", b"--b" + b" " * n + b"x\r\n\r\ny\r\n--b--\r\n"),
    ),
    "multiparts": (read_message, lambda n: nested([b"%d" % i for i in range(n)])),
    "multiparts of one boundary": (read_message, lambda n: nested([b"b"] * n)),
    "messages": (read_message, lambda n: b"Content-Type: message/rfc822\r\n\r\n" * n),
    "languages": (read_message, lambda n: b"Content-Language: " + b"a," * n + b"\r\n\r\n"),
}


def steps(read, value):
    """Lines of ours that run."""
    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        read(value)
    finally:
        sys.settrace(before)
    return count


def seconds(read, value):
    begun = time.process_time()
    read(value)
    return max(time.process_time() - begun, LEAST_SECONDS)


@pytest.mark.parametrize("name", GROWING)
def test_steps_grow_in_proportion(name):
    read, make = GROWING[name]
    assert steps(read, make(4 * SMALL)) < 4.2 * steps(read, make(SMALL)) + 4_000


@pytest.mark.parametrize("name", GROWING)
def test_time_grows_in_proportion(name):
    read, make = GROWING[name]
    small, large = make(SMALL), make(64 * SMALL)
    assert seconds(read, large) < 20 * 64 * min(seconds(read, small) for _ in range(3))


# what is found


def test_of_50000_sections_those_listed_are_bounded():
    """CVE-2026-27859."""
    value = b"a/b" + b"".join(b"; name*%d*=x" % number for number in range(50_000))
    parameters = split_value(value)[1]
    assert len(parameters) == MAX_PARAMETERS
    assert decode_parameters(parameters) == {"name": "x" * MAX_PARAMETERS}


@pytest.mark.parametrize("number", [b"9" * 10_000, b"4294967296", b"18446744073709551616", b"-1"])
def test_a_section_of_a_huge_number_is_none(number):
    parameters = split_value(b"a/b; name*0=x; name*" + number + b"=y")[1]
    assert decode_parameters(parameters)["name"] == "x"
    assert len(join_parameters(parameters)) <= 2


def test_sections_in_any_order():
    backwards = b"".join(b"; name*%d=%d" % (number, number % 10) for number in range(99, -1, -1))
    parameters = split_value(b"a/b" + backwards)[1]
    assert decode_parameters(parameters) == {"name": "0123456789" * 10}
    assert join_parameters(parameters) == ((b"name", b"0123456789" * 10),)


def test_comments_nested_to_any_depth():
    value = b"(" * 10_000 + b"x" + b")" * 10_000 + b" a@b.example"
    addresses = read_addresses(value)
    assert [str(box.address) for box in addresses.mailboxes] == ["a@b.example"]
    assert addresses.doubts == ()
    addresses = read_addresses(value.replace(b")", b"", 1))
    assert addresses.mailboxes == ()
    assert "comment without end" in addresses.doubts


@pytest.mark.parametrize("end", [b"\\", b"\\\\", b"\\\r\n", b"(\\", b"\\)"])
def test_a_comment_that_ends_in_a_backslash(end):
    """CVE-2026-47088."""
    addresses = read_addresses(b"a@b.example (x" + end)
    assert [box.raw for box in addresses.mailboxes] == [b"a@b.example"]
    assert "comment without end" in addresses.doubts


def test_a_group_in_a_group_and_one_without_end():
    """CVE-2019-19722. RFC 5322 §3.4: a group holds mailboxes only."""
    addresses = read_addresses(b"a: b: c@d.example;")
    assert "stray character" in addresses.doubts or "address does not parse" in addresses.doubts
    assert "group" in addresses.doubts
    addresses = read_addresses(b"a: b@c.example, d@e.example")
    assert "group without end" in addresses.doubts
    assert [str(box.address) for box in addresses.mailboxes] == ["b@c.example", "d@e.example"]
    addresses = read_addresses(b"a:" + b"b@c.example," * (MAX_ADDRESSES + 9))
    assert len(addresses.mailboxes) == MAX_ADDRESSES
    assert "too many addresses" in addresses.doubts


def test_of_200000_encoded_words_the_first_are_decoded_and_none_is_lost():
    value = b" ".join([b"=?utf-8?q?=C3=BC?="] * 200_000)
    text = decode_words(value)
    left = 200_000 - MAX_ENCODED_WORDS
    assert text.startswith("ü" * MAX_ENCODED_WORDS + " =?")
    assert text.count("=?utf-8?q?=C3=BC?=") == left


def test_utf_8_that_is_cut():
    """CVE-2020-7046: in a word, at the end of a word, at the end of the field."""
    assert decode_words(b"=?utf-8?q?a=E2=82?=") == "a\ufffd"
    assert decode_words(b"=?utf-8?b?4oI=?= x") == "\ufffd x"
    assert decode_words(b"a \xe2\x82") == "a â\x82"


def test_of_20000_references_the_first_and_the_last_remain():
    value = b" ".join(b"<%d@b.example>" % number for number in range(20_000))
    identifiers = parse_message_ids(value)
    assert len(identifiers) == MAX_MESSAGE_IDS
    assert (identifiers[0], identifiers[-1]) == (b"<0@b.example>", b"<19999@b.example>")


@pytest.mark.parametrize("octets", [MAX_BOUNDARY_OCTETS + 1, 100_000])
def test_a_boundary_over_the_bound_is_none(octets, check_scan):
    boundary = b"b" * octets
    content = multipart(boundary, b"--%b\r\n\r\nx\r\n--%b--\r\n" % (boundary, boundary))
    scanned = scan(content)
    check_scan(scanned)
    assert [part.opaque for part in scanned.parts] == [True]
    assert scanned.root.body_end == len(content)


def test_boundaries_that_are_prefixes_of_each_other(check_scan):
    """Whichever is the longer, inside or outside: a delimiter is the whole line."""
    for outer, inner in ((b"b", b"bb"), (b"bb", b"b"), (b"b-", b"b--"), (b"b--", b"b-")):
        content = multipart(
            outer,
            b"--%b\r\n" % outer
            + multipart(inner, b"--%b\r\n\r\nin\r\n--%b--\r\n" % (inner, inner))
            + b"--%b\r\n\r\nout\r\n--%b--\r\n" % (outer, outer),
        )
        scanned = scan(content)
        check_scan(scanned)
        texts = [content[part.body_start : part.body_end] for part in scanned.walk_text()]
        if (outer, inner) == (b"b", b"bb") or (outer, inner) == (b"bb", b"b"):
            assert texts == [b"in", b"out"], (outer, inner)
        assert texts[-1] == b"out"


@pytest.mark.parametrize("same", [True, False])
def test_10000_levels(same, check_scan):
    """CVE-2020-12100, CVE-2020-25275."""
    scanned = scan(nested([b"b" if same else b"%d." % level for level in range(10_000)], b"inner"))
    check_scan(scanned)
    depth = max(part.depth for part in scanned.parts)
    # Of one boundary: the outer multipart has all the delimiters, its children have none left.
    assert depth == 1 if same else 10 < depth <= MAX_DEPTH
    assert scanned.parts[-1].opaque


@pytest.mark.parametrize("encoding", [b"base64", b"quoted-printable", b"uuencode"])
def test_a_message_that_holds_itself_once_decoded_is_not_decoded(encoding, check_scan):
    """CVE-2026-26312. RFC 2046 §5.2.1: an encoded message is no message."""
    head = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: %b\r\n\r\n" % encoding
    content = head
    for _ in range(3):
        content = head + base64.encodebytes(content)
    scanned = scan(content)
    check_scan(scanned)
    assert [(part.content_type, part.opaque) for part in scanned.parts] == [
        ("application/octet-stream", True)
    ]
