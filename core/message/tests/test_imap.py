"""ENVELOPE, BODYSTRUCTURE and BODY as a client gets them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_message import envelope as envelope_module
from thurn_message.imapstring import nstring, string
from thurn_message.scanner import scan

DATA = Path(__file__).parent / "data"


def own(name):
    return scan((DATA / f"{name}.eml").read_bytes().replace(b"\n", b"\r\n"))


ALICE = [[None, None, b"alice", b"example.net"]]


def test_envelope_of_a_plain_message():
    assert own("plain").envelope == (
        b'("Tue, 24 Nov 2026 04:05:30 +0000" "Plain" '
        b'(("Alice" NIL "alice" "example.net")) (("Alice" NIL "alice" "example.net")) '
        b'(("Alice" NIL "alice" "example.net")) ((NIL NIL "bob" "example.org")) NIL NIL NIL '
        b'"<plain@example.net>")'
    )


def test_nothing_gives_nil():
    assert own("no-header").envelope == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"


def test_bodystructure_of_a_nested_message():
    scanned = own("nested")
    assert scanned.bodystructure == (
        b'((("text" "plain" ("charset" "utf-8" "format" "flowed") "<text@example.net>" NIL "8bit" 7'
        b" 0 NIL NIL NIL NIL)"
        b'("text" "html" ("charset" "utf-8") NIL NIL "7bit" 12 0 NIL NIL ("en" "de")'
        b' "http://example.net/a")'
        b' "alternative" ("boundary" "inner") NIL NIL NIL)'
        b'("application" "pdf" ("name" "report.pdf") NIL "The \\"report\\"" "base64" 8'
        b' "Q2hlY2sgSW50ZWdyaXR5IQ==" ("attachment" ("filename" "report.pdf" "size" "4")) NIL NIL)'
        b' "mixed" ("boundary" "outer") NIL NIL NIL)'
    )
    assert scanned.body == (
        b'((("text" "plain" ("charset" "utf-8" "format" "flowed") "<text@example.net>" NIL "8bit" 7'
        b' 0)("text" "html" ("charset" "utf-8") NIL NIL "7bit" 12 0) "alternative")'
        b'("application" "pdf" ("name" "report.pdf") NIL "The \\"report\\"" "base64" 8) "mixed")'
    )


def test_a_message_in_a_message_has_envelope_structure_and_lines(parse_imap):
    structure = parse_imap(own("message-only").bodystructure)
    assert structure == [
        b"message",
        b"rfc822",
        None,
        None,
        None,
        b"7bit",
        24,
        [None, b"Inner"] + [None] * 8,
        [b"text", b"plain", [b"charset", b"us-ascii"], None, None, b"7bit", 6, 1] + [None] * 4,
        3,
        None,
        None,
        None,
        None,
    ]
    assert len(parse_imap(own("message-only").body)) == 10


def test_sender_and_reply_to_come_from_from(parse_imap):
    # RFC 3501 §7.4.2: absent or empty.
    envelope = parse_imap(own("doubled").envelope)
    assert envelope[1] == b"first"
    assert envelope[2] == envelope[3] == ALICE
    assert envelope[4] == [[None, None, b"list", b"example.net"]]
    # RFC 5322 §4.5.3: several To are one list.
    assert [entry[2] for entry in envelope[5]] == [b"a", b"b"]


def test_groups_and_comments(parse_imap):
    envelope = parse_imap(own("comments").envelope)
    assert envelope[5] == [[None, None, b"undisclosed-recipients", None], [None] * 4]
    assert envelope[6] == [
        [None, None, b"Friends", None],
        [None, None, b"bob", b"example.org"],
        [b"Carol, C.", None, b"carol", b"example.org"],
        [None] * 4,
        [b"Dave", None, b"dave", b"example.com"],
    ]


def test_unfolded_not_decoded(parse_imap):
    envelope = parse_imap(own("references").envelope)
    assert envelope[1] == b"Re: folded over\tlines"
    assert envelope[8] == b"<b@example.net> (of Monday)"


def test_eight_bit_is_a_literal_and_nul_is_replaced(parse_imap):
    scanned = own("eight-bit-header")
    envelope = parse_imap(scanned.envelope)
    assert b'{14}\r\nCaf\xe9 ? "x" \\ y ' in scanned.envelope
    assert envelope[2][0][0] == b"J\xf6rg"
    assert envelope[5][0][0] == "Märy".encode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"<@a.b,@c.d:e@f.example>", [[None, b"@a.b,@c.d", b"e", b"f.example"]]),
        (b"bob", [[None, None, b"bob", b""]]),
        (b'"a b"@example.org', [[None, None, b"a b", b"example.org"]]),
        (b"a@b@example.org", [[None, None, b"a@b", b"example.org"]]),
        (b"a@[192.0.2.1]", [[None, None, b"a", b"[192.0.2.1]"]]),
        (b'"A \\"B\\" C" <a@b.example>', [[b'A "B" C', None, b"a", b"b.example"]]),
        (b"A   B\t C <a@b.example>", [[b"A B C", None, b"a", b"b.example"]]),
        (b"=?utf-8?q?=C3=A9?= <a@b.example>", [[b"=?utf-8?q?=C3=A9?=", None, b"a", b"b.example"]]),
        (b"<>", [[None, None, b"", b""]]),
        (b",,", None),
        (b"a@b.example,", [[None, None, b"a", b"b.example"]]),
    ],
)  # fmt: skip
def test_addresses(value, expected, parse_imap):
    assert parse_imap(scan(b"To: " + value + b"\r\n\r\n").envelope)[5] == expected


SPACE = st.sampled_from([b"", b" ", b"\r\n ", b"  ", b"\t"])
NAME = st.sampled_from(
    [b"", b"Bob", b'"Bob"', b"Bob B.", b'"B, b"', b"J\xf6", b'""', b"a  b", b"'x'"]
)
BOX = st.builds(
    lambda a, name, b, address, c: a + name + b + address + c,
    SPACE,
    NAME,
    SPACE,
    st.sampled_from([b"<a@b.c>", b"<a.b@c>", b"a@b.c", b"<a@b", b"a@b>", b"<a>", b"x y"]),
    SPACE,
)


@settings(max_examples=200, deadline=None)
@given(st.lists(BOX, min_size=1, max_size=4).map(b",".join))
def test_the_quick_way_and_the_whole_way_agree(value):
    value = value.strip()
    quick = envelope_module._ordinary_addresses(value)
    if quick is not None:
        assert quick == envelope_module._all_addresses(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", b'""'),
        (b"plain", b'"plain"'),
        (b'"\\', b'"\\"\\\\"'),
        (b"a\tb", b'"a\tb"'),
        (b"\xff", b"{1}\r\n\xff"),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"a\0b", b"{3}\r\na?b"),
    ],
)
def test_strings(value, expected):
    assert string(value) == nstring(value) == expected
    assert nstring(None) == b"NIL"


@given(st.binary(max_size=60))
def test_any_string_is_one_string(value):
    text = string(value)
    if text.startswith(b"{"):
        size, rest = text[1:].split(b"}\r\n", 1)
        assert int(size) == len(rest)
        assert b"\0" not in rest
    else:
        assert text.isascii()
        inner = text[1:-1]
        assert not set(inner) & set(b"\r\n\0")
        assert inner.replace(b'\\"', b'"').replace(b"\\\\", b"\\") == value or b"\\" in value


@pytest.mark.parametrize(
    ("parameters", "shown"),
    [
        (b"name*1=b; name*0=a", [b"name", b"ab"]),
        (b"n*0*=utf-8''%C3%BC; n*1=\"5% \"; x=y", [b"n*", b"utf-8''%C3%BC5%25 ", b"x", b"y"]),
        (b"name*0=a; name*1*=%C3%BC", [b"name*", b"''a%C3%BC"]),
        (b"name*0*=utf-8''a", [b"name*", b"utf-8''a"]),
        (b"name*1=b; name*2=c", [b"name*1", b"b", b"name*2", b"c"]),  # the first is missing
        (b"name*0=a; name*0=b", [b"name*0", b"a", b"name*0", b"b"]),
        (b"name*=utf-8''a; a*b*0=c", [b"name*", b"utf-8''a", b"a*b*0", b"c"]),
    ],
)  # fmt: skip
def test_continuations_are_joined(parse_imap, parameters, shown):
    # RFC 2231 §6
    scanned = scan(b"Content-Type: image/png; " + parameters + b"\r\n\r\n")
    assert parse_imap(scanned.body)[2] == shown


def test_white_space_around_dots_of_an_address_is_nothing():
    # RFC 5322 appendix A.6.3
    scanned = scan(
        b'From: John Doe <jdoe@machine(comment). example>\r\nTo: <j . d@b.c>, <"a . b"@c.d>\r\n\r\n'
    ).envelope
    assert b'"jdoe" "machine.example"' in scanned
    assert b'"j.d" "b.c")(NIL NIL "a . b" "c.d")' in scanned


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (b"--b-->", 1), (b"--b>", 2), (b"--b--", 1), (b"--b\xe4", 2),
        (b"--b-", 0), (b"--bc", 0), (b"--b--c", 0),
    ],
)  # fmt: skip
def test_what_may_stand_behind_a_boundary(parse_imap, line, parts):
    # RFC 2046 §5.1.1: whoever hides text behind a strange delimiter hides it from nobody.
    scanned = scan(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n"
        + line
        + b"\r\n\r\ntwo\r\n"
    )
    texts = [scanned.content[part.body_start : part.body_end] for part in scanned.root.children]
    if parts == 0:
        assert texts == [b"one\r\n" + line + b"\r\n\r\ntwo\r\n"]
    else:
        assert texts == [b"one", b"two\r\n"][:parts]
