"""The body transforms: which texts of a message a body test compares.

Rules of this file:
1. Nothing raises; what cannot be decoded is taken as it is.
2. Decoding is bounded by `DECODED_OCTETS` for a whole message; past it there is less to match.
3. Parts are found by `thurn_message`, which bounds their number and depth.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from thurn_message.charset import decode_octets
from thurn_message.mime.part import Part
from thurn_message.mime.tree import find_boundary
from thurn_message.scanner import Scan

from thurn_sieve.ext.body.htmltext import html_text

DECODED_OCTETS: Final = 2_097_152
"""Octets of one message that one transform decodes. Text of real mail is under 200 KB; attachments
of any size come first to mind only with `:content ""`."""
MARKS_PER_STEP: Final = 16
"""Of HTML; two megabytes of nothing but tags take a second and half of a run's budget."""

_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]+")


def raw_body(scan: Scan) -> list[str]:
    """`:raw`: the whole body as one text, nothing decoded. RFC 5173 §5.1."""
    body = scan.content[scan.header_end : scan.header_end + DECODED_OCTETS]
    return [body.decode(errors="replace")]


Charge: TypeAlias = Callable[[int], None]
"""Counts steps of a run, and ends it when they are too many."""


def free(steps: int) -> None:
    """Nobody counts."""


def content_bodies(scan: Scan, types: Iterable[str], charge: Charge = free) -> Iterator[str]:
    """`:content`: one text per part of these types, decoded. RFC 5173 §5.2."""
    charge(len(scan.parts))
    wanted = [type_.lower() for type_ in types if is_type(type_)]
    budget = DECODED_OCTETS
    for part in scan.parts:
        if not any(_is_of(part, type_) for type_ in wanted):
            continue
        for text in _content_texts(scan, part, budget):
            budget -= len(text)
            yield text
        if budget <= 0:
            return


def text_bodies(scan: Scan, charge: Charge = free) -> Iterator[str]:
    """`:text`: the text of each text part that is no attachment, HTML without its markup.

    RFC 5173 §5.3.
    """
    charge(len(scan.parts))
    budget = DECODED_OCTETS
    for part in scan.walk_text():
        text = decode_text(scan, part, budget)
        budget -= len(text)
        if part.subtype == b"html":
            charge(text.count("<") // MARKS_PER_STEP)
            text = html_text(text)
        yield text
        if budget <= 0:
            return


def is_type(text: str) -> bool:
    """Whether it can match a part: "", "text" or "text/html". RFC 5173 §5.2."""
    # RFC 5173 §5.2: a type that begins or ends in a slash or has several matches nothing.
    kind, slash, subtype = text.partition("/")
    return not slash or bool(kind and subtype and "/" not in subtype)


def decode_part(scan: Scan, part: Part, limit_octets: int) -> bytes:
    """The octets of a part's body without its transfer encoding, at most so many."""
    body = scan.content[part.body_start : min(part.body_end, part.body_start + limit_octets * 2)]
    if part.encoding == b"base64":
        body = _decode_base64(body)
    elif part.encoding == b"quoted-printable":
        body = binascii.a2b_qp(body)
    return body[:limit_octets]


def decode_text(scan: Scan, part: Part, limit_octets: int) -> str:
    """The text of a part in its charset."""
    return decode_octets(decode_part(scan, part, limit_octets), part.charset)


def _decode_base64(octets: bytes) -> bytes:
    """What can be decoded up to the first padding, whatever else is in it. RFC 2045 §6.8."""
    clean = _NOT_BASE64.sub(b"", octets.partition(b"=")[0])
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def _is_of(part: Part, wanted: str) -> bool:
    if not wanted:
        return True
    kind, slash, subtype = wanted.partition("/")
    found = part.type.decode("latin-1"), part.subtype.decode("latin-1")
    return found == (kind, subtype) if slash else found[0] == kind


def _content_texts(scan: Scan, part: Part, limit_octets: int) -> list[str]:
    if part.is_multipart:
        return [
            octets[:limit_octets].decode(errors="replace") for octets in _around_parts(scan, part)
        ]
    if part.is_message:
        # RFC 5173 §5.2: of a message its header as one text.
        inner = part.children[0]
        end = min(inner.header_end, inner.header_start + limit_octets)
        return [scan.content[inner.header_start : end].decode(errors="replace")]
    return [decode_text(scan, part, limit_octets)]


def _around_parts(scan: Scan, part: Part) -> tuple[bytes, bytes]:
    """The prologue and the epilogue of a multipart, each as one text. RFC 5173 §5.2."""
    delimiter = b"--" + find_boundary(part.parameters)
    before = scan.content[part.body_start : part.children[0].header_start]
    after = scan.content[part.children[-1].body_end : part.body_end]
    _, _, epilogue = after.partition(delimiter + b"--")
    return before[: before.rfind(delimiter)], epilogue.lstrip(b" \t\r\n")
