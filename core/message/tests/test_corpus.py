"""The corpus of real messages, with the standard library's parser as a referee.

Where the two differ on purpose:
- stdlib takes apart delivery-status and other message/* types; IMAP knows message/rfc822 only.
- a multipart without delimiters stays one there; here it is text/plain, so that it can be read.
- message/rfc822 in base64 or quoted-printable is application/octet-stream here (RFC 2046 §5.2.1).
- a Content-Type without its semicolon (`application/pdf name=x`) is application/pdf here.
- text behind a delimiter and white space is ignored here (RFC 2046 §5.1.1), not there.
- a line that is no field ends the header there; here only the empty line does. Such messages are
  compared for nothing but bounds.
"""

from __future__ import annotations

import email
import os
import re
from email.errors import MissingHeaderBodySeparatorDefect
from pathlib import Path

import pytest
from thurn_message.addresslist import parse_address_list
from thurn_message.date import parse_date
from thurn_message.encodedword import decode_words
from thurn_message.msgid import parse_message_ids
from thurn_message.parameter import decode_parameters
from thurn_message.scanner import scan

OWN = Path(__file__).parent / "data"
CORPUS = os.environ.get("THURN_CORPUS")


def listed():
    paths = sorted(OWN.glob("*.eml"))
    if CORPUS:
        root = Path(CORPUS)
        names = (root / "INDEX.tsv").read_text("utf-8").splitlines()[1:]
        paths += [root / line.split("\t")[0] for line in names if line]
    return paths


@pytest.fixture(params=listed(), ids=lambda path: path.name)
def content(request):
    return re.sub(rb"\r\n|\r|\n", b"\r\n", request.param.read_bytes())


def test_sections_tile_and_structures_are_imap(content, check_scan):
    check_scan(scan(content))


def test_lf_content_gives_the_same_tree(content, check_scan):
    bare = content.replace(b"\r\n", b"\n")
    crlf, lf = scan(content), scan(bare)
    check_scan(lf)
    assert [p.content_type for p in lf.parts] == [p.content_type for p in crlf.parts]
    assert lf.envelope == crlf.envelope
    assert [f.name for f in lf.fields] == [f.name for f in crlf.fields]


def test_readers_never_raise_on_real_fields(content):
    scanned = scan(content)
    for field in scanned.fields:
        value = scanned.value(field)
        decode_words(value)
        parse_address_list(value, strict=True)
        parse_date(value)
        parse_message_ids(value)
    for part in scanned.parts:
        decode_parameters(part.parameters)
        assert part.filename is None or isinstance(part.filename, str)


DIFFERENT = {"ending-boundaries.eml", "boundary-prefix.eml"}  # text behind the delimiters


def skeleton(message):
    """The tree of stdlib with the differences of the head comment taken out."""
    kind = message.get_content_type().split()[0]
    children = message.get_payload() if message.is_multipart() else []
    if kind.startswith("multipart/") and not children:
        return ["text/plain"]
    if kind == "message/rfc822":
        encoding = str(message.get("content-transfer-encoding", "7bit")).strip().lower()
        if encoding not in ("7bit", "8bit", "binary"):
            return ["application/octet-stream"]
    elif kind.startswith("message/"):
        return [kind]
    return [kind] + [line for child in children for line in skeleton(child)]


def test_agrees_with_the_standard_library(content, request):
    if any(name in request.node.name for name in DIFFERENT):
        pytest.skip("different on purpose")
    message = email.message_from_bytes(content)
    if any(
        isinstance(defect, MissingHeaderBodySeparatorDefect)
        for part in message.walk()
        for defect in part.defects
    ):
        pytest.skip("a line that is not a field ends the header")
    scanned = scan(content)
    assert [part.content_type for part in scanned.parts] == skeleton(message)
    if "white space before a colon" in scanned.header_doubts:
        return
    theirs = [
        (name.lower().encode(), re.sub(r"\r?\n", "", value).encode("utf-8", "surrogateescape"))
        for name, value in message.raw_items()
    ]
    ours = [(field.name, scanned.value(field)) for field in scanned.fields]
    assert ours == [(name, value.strip(b" \t")) for name, value in theirs]
