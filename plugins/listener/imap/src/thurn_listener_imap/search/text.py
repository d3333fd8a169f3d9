"""Texts as SEARCH compares them: decoded, without regard to case.

Rules of this file: linear in the text; the comparison is that of i;unicode-casemap (RFC 5051) but
for the mapping of case, which is Unicode's own folding.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from unicodedata import normalize

from thurn_message.charset import decode_octets
from thurn_message.encodedword import decode_words
from thurn_message.fields import Field, unfold
from thurn_message.mime.part import Part
from thurn_message.scanner import Scan

from thurn_listener_imap.limits import SEARCH_PART_OCTETS


def fold(text: str) -> str:
    """The text in the form that is compared."""
    if text.isascii():
        return text.lower()
    return normalize("NFKD", text).casefold()


def field_text(octets: bytes, field: Field) -> str:
    """A header field's value as it is compared."""
    value = unfold(octets[field.value : field.end])
    if value.isascii() and b"=?" not in value:
        return value.lower().decode("ascii")
    return fold(decode_words(value))


def body_texts(scan: Scan, *, headers: bool) -> Iterator[str]:
    """The texts of a message in which BODY looks; with all headers, those in which TEXT looks.

    These are the parts of text, and of reports (message/delivery-status and its like), decoded, and
    the headers of messages inside. TEXT looks into the headers of all parts: names of attachments.
    """
    for part in scan.parts:
        if headers:
            yield header_text(scan, part)
        if part.is_message and not headers:
            for inner in part.children:
                yield header_text(scan, inner)
        if part.type == b"text" or (part.type == b"message" and not part.is_message):
            yield fold(part_text(scan.content, part))


def header_text(scan: Scan, part: Part) -> str:
    """A message's header as it is compared: each field decoded, on its own line."""
    content = scan.content
    return "\n".join(
        f"{field.name.decode('ascii', 'replace')}: {field_text(content, field)}"
        for field in part.fields
    )


def part_text(content: bytes, part: Part) -> str:
    """The text of a part, its encodings undone as far as they can be."""
    octets = content[part.body_start : min(part.body_end, part.body_start + SEARCH_PART_OCTETS)]
    if part.encoding == b"quoted-printable":
        octets = binascii.a2b_qp(octets)
    elif part.encoding == b"base64":
        octets = _from_base64(octets)
    return decode_octets(octets, part.charset)


def _from_base64(octets: bytes) -> bytes:
    """What can be decoded; broken base64 is searched as it stands."""
    try:
        return binascii.a2b_base64(octets)
    except binascii.Error:
        return octets
