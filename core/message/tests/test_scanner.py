from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from thurn_message.scanner import scan

DATA = Path(__file__).parent / "data"


def own(name):
    return scan((DATA / f"{name}.eml").read_bytes().replace(b"\n", b"\r\n"))


def types(scanned):
    return [part.content_type for part in scanned.parts]


def test_fields_are_offsets():
    content = b"Subject:  a\r\n b\r\nX-Empty:\r\nFrom : c\r\n\r\nbody"
    scanned = scan(content)
    assert [
        (f.name, content[f.start : f.end], content[f.value : f.end]) for f in scanned.fields
    ] == [
        (b"subject", b"Subject:  a\r\n b\r\n", b"a\r\n b\r\n"),
        (b"x-empty", b"X-Empty:\r\n", b"\r\n"),
        (b"from", b"From : c\r\n", b"c\r\n"),
    ]
    assert content[scanned.header_end :] == b"body"
    assert scanned.get(b"subject") == b"a b"
    assert scanned.get(b"x-empty") == b""
    assert scanned.get(b"none") is None
    assert len(scanned) == len(content)


@pytest.mark.parametrize(
    ("content", "header_end", "names"),
    [
        (b"", 0, []),
        (b"\r\n", 2, []),
        (b"\n", 1, []),
        (b"\r\nA: b\r\n\r\n", 2, []),
        (b"A: b", 4, [b"a"]),
        (b"A: b\r\n", 6, [b"a"]),
        (b"A: b\r\n\r\n", 8, [b"a"]),
        (b"A: b\n\nC: d\r\n\r\n", 6, [b"a"]),
        (b"A: b\n\r\nC: d", 7, [b"a"]),
        (b"A: b\r\n\nC: d", 7, [b"a"]),
        (b" A: b\r\nC: d\r\n\r\n", 15, [b"c"]),
        (b"A: b\r\n\tc\r\nD: e\r\n\r\n", 18, [b"a", b"d"]),
        (b"A: b\r\njunk\r\n more\r\nD: e\r\n\r\n", 27, [b"a", b"d"]),
        (b": b\r\nD: e\r\n\r\n", 13, [b"d"]),
        (b"A: b\r\n \r\nC: d\r\n\r\n", 17, [b"a", b"c"]),
        (b"A: b\rC: d\r\n\r\n", 13, [b"a"]),
        (b"A\xe9: b\r\n\r\n", 9, []),
    ],
)
def test_where_a_header_ends(content, header_end, names):
    scanned = scan(content)
    assert scanned.header_end == header_end
    assert [field.name for field in scanned.fields] == names


def test_get_all_keeps_the_order():
    scanned = own("doubled")
    assert scanned.get_all(b"from") == [b"alice@example.net", b"eve@example.com"]


def test_nested_tree_and_sections(check_scan):
    scanned = own("nested")
    check_scan(scanned)
    assert types(scanned) == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/pdf",
    ]
    content = scanned.content
    assert content[slice(*scanned.section("1.1"))] == "Grüße".encode()
    assert content[slice(*scanned.section("1.2.mime"))].endswith(b"example.net/a\r\n\r\n")
    assert content[slice(*scanned.section("2"))] == b"JVBERg=="
    pdf = scanned.part("2")
    assert (pdf.filename, pdf.is_attachment, pdf.encoding) == ("report.pdf", True, b"base64")
    assert pdf.size_octets == 8
    assert [part.subtype for part in scanned.walk_text()] == [b"plain", b"html"]
    assert scanned.part("1.1").charset == "utf-8"
    assert pdf.charset == ""
    assert scanned.body is scanned.body
    assert scanned.bodystructure is scanned.bodystructure
    assert scanned.envelope is scanned.envelope


NO_SECTIONS = """
0 3 1.3 1.1.1 01 -1 1. .1 1..1 MIME . .HEADER 1.HEADER 1.TEXT HEADER.1 X 1.X 1.MIME.1
99999999999999999999 \u0661 1.\u0661 \u00b2 1.MIME.MIME
""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", [*NO_SECTIONS, "1." * 600, "1" * 5000, " ", "1 "])
def test_sections_that_are_none(name):
    assert own("nested").section(name) is None


def test_sections_of_messages_in_messages(check_scan):
    scanned = own("forwarded")
    check_scan(scanned)
    content = scanned.content
    assert content[slice(*scanned.section("2.HEADER"))].startswith(b"From: Carol")
    assert content[slice(*scanned.section("2.1"))] == b"first"
    assert content[slice(*scanned.section("2.2.HEADER"))] == b"Subject: Innermost\r\n\r\n"
    assert content[slice(*scanned.section("2.2.1"))] == b"Deep text."
    assert content[slice(*scanned.section("2.2.TEXT"))] == b"Deep text."
    assert scanned.section("2.2.1.1") is None
    only = own("message-only")
    assert only.content[slice(*only.section("1.HEADER"))] == b"Subject: Inner\r\n\r\n"
    assert only.content[slice(*only.section("1.1"))] == b"text\r\n"
    assert only.section("1.1.MIME") == only.section("1.HEADER")


def test_single_part_sections():
    scanned = own("plain")
    assert scanned.section("1") == scanned.section("TEXT")
    assert scanned.section("1.MIME") == scanned.section("HEADER")
    assert scanned.section("1.1") is None
    assert scanned.section("2") is None


@pytest.mark.parametrize(
    ("name", "expected", "opaque"),
    [
        ("digest", ["multipart/digest"] + ["message/rfc822", "text/plain"] * 2 + ["text/plain"], 0),
        ("boundary-missing", ["text/plain"], 1),
        ("boundary-never-seen", ["text/plain"], 1),
        (
            "boundary-never-closed",
            ["multipart/mixed", "multipart/alternative", "text/plain", "text/plain"],
            0,
        ),
        (
            "boundary-prefix",
            ["multipart/mixed", "multipart/alternative"] + ["text/plain"] * 3,
            0,
        ),
        ("boundary-same", ["multipart/mixed", "text/plain", "text/plain"], 1),
        ("encoded-message", ["application/octet-stream"], 1),
        ("header-only", ["text/plain"], 0),
        ("no-header", ["text/plain"], 0),
    ],
)
def test_odd_trees(name, expected, opaque, check_scan):
    scanned = own(name)
    check_scan(scanned)
    assert types(scanned) == expected
    assert sum(part.opaque for part in scanned.parts) == opaque


def test_what_cannot_be_taken_apart_is_shown_as_text(parse_imap):
    structure = parse_imap(own("boundary-never-seen").bodystructure)
    assert structure[:2] == [b"text", b"plain"]
    assert structure[6:8] == [12, 1]


def test_parameters_for_people():
    part = own("parameters").root
    assert part.filename == "Grüße.txt"
    assert part.disposition == b"attachment"


@pytest.mark.parametrize(
    "value",
    [b"", b"text", b"/", b"text/", b"; charset=x", b"\xe4/b", b"=?q?", b"(text/plain)"],
)
def test_no_content_type_is_text_plain(value):
    # RFC 2045 §5.2
    scanned = scan(b"Content-Type: " + value + b"\r\n\r\n")
    assert types(scanned) == ["text/plain"]
    assert scanned.root.parameters == ((b"charset", b"us-ascii"),)


def test_the_first_line_of_the_body_may_be_a_delimiter_and_parts_may_be_empty():
    head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    scanned = scan(head + b"--b\r\n--b\r\n\r\n--b\r\nA: b\r\n--b--")
    assert [(p.header_end - p.header_start, p.size_octets) for p in scanned.parts[1:]] == [
        (0, 0),
        (0, 0),
        (4, 0),
    ]


@pytest.mark.parametrize(
    ("content", "doubts"),
    [
        (b"From: a@b\r\nTo: c@d\r\n\r\nbody\0\n", []),
        (b"From : a@b\r\n\r\n", ["white space before a colon"]),
        (b"From: a@b\nTo: c@d\r\n\r\n", ["bare CR or LF in the header"]),
        (b"From: a@b\rTo: c@d\r\n\r\n", ["bare CR or LF in the header"]),
        (b"From: a\0@b\r\n\r\n", ["NUL in the header"]),
        (b"From: a@b\r\njunk\r\n\r\n", ["lines that are not fields"]),
        (b" From: a@b\r\nFrom: c@d\r\n\r\n", ["lines that are not fields"]),
    ],
)
def test_header_doubts(content, doubts):
    assert scan(content).header_doubts == doubts


PIECE = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [
            b"\r\n",
            b"\n",
            b"\r\n\r\n",
            b"--b",
            b"--b--",
            b"--c\r\n",
            b"\r\n--b\r\n",
            b": ",
            b" ",
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n",
            b'Content-Type: multipart/digest; boundary="c"\r\n\r\n',
            b"Content-Type: message/rfc822\r\n\r\n",
            b"Content-Type: ",
            b'text/plain; a="',
            b"Content-Disposition: a; b*0*=utf-8''%",
            b"To: a <b@c>, d:e@f;",
            b"From: (",
            b'"',
            b'Subject: \xe9\0"\\',
            b"Content-Language: a,(b",
            b"Content-ID: \r\n",
            b"<",
            b"@",
        ]
    ),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECE, max_size=30).map(b"".join))
def test_any_octets(check_scan, content):
    scanned = scan(content)
    check_scan(scanned)
    assert isinstance(scanned.header_doubts, list)
    assert isinstance(scanned.limits_reached, list)
    for part in scanned.parts:
        assert part.filename is None or isinstance(part.filename, str)
        assert isinstance(part.charset, str)


def test_empty_fields_of_a_part_say_nothing():
    scanned = scan(
        b"Content-Disposition: ; filename=x\r\nContent-Transfer-Encoding: (none)\r\n"
        b"Content-Language: \r\n\r\n"
    )
    assert scanned.root.disposition is None
    assert scanned.root.filename is None
    assert scanned.root.encoding == b"7bit"
    assert scanned.root.language == ()
