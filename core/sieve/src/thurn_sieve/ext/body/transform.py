"""The body transforms: the texts of a message that a body test compares.

Rules of this file:
1. Nothing raises, except a charge that ends the run; what cannot be decoded is used as it is.
2. Decoding is bounded by `DECODED_OCTETS`; the rest of a message is not compared.
3. `thurn_message` finds the parts, and bounds their number and depth.
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
"""Octets of one part, and characters of all parts together, that one transform decodes. The text
of real mail is under 200 KB; only `:content ""` decodes attachments, which may have any size."""
TAGS_PER_STEP: Final = 16
"""Tags of HTML that are removed for one step. Two megabytes of nothing but tags take a second, and
cost half of a run's steps."""

_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]+")


def raw_body(scan: Scan) -> list[str]:
    """`:raw`: the first `DECODED_OCTETS` of the body as one text, not decoded. RFC 5173 §5.1."""
    body = scan.content[scan.header_end : scan.header_end + DECODED_OCTETS]
    return [body.decode(errors="replace")]


Charge: TypeAlias = Callable[[int], None]
"""Takes steps from a run, and ends it if there are none left (`Runtime.spend`)."""


def charge_nothing(steps: int) -> None:
    """A `Charge` for callers without a run."""


def content_bodies(
    scan: Scan, types: Iterable[str], charge: Charge = charge_nothing
) -> Iterator[str]:
    """`:content`: the decoded texts of the parts of these types. RFC 5173 §5.2.

    A multipart has two texts, the one before its parts and the one after them.
    """
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


def text_bodies(scan: Scan, charge: Charge = charge_nothing) -> Iterator[str]:
    """`:text`: the text of each text part that is not an attachment; HTML without its markup.

    RFC 5173 §5.3.
    """
    charge(len(scan.parts))
    budget = DECODED_OCTETS
    for part in scan.walk_text():
        text = decode_text(scan, part, budget)
        budget -= len(text)
        if part.subtype == b"html":
            charge(text.count("<") // TAGS_PER_STEP)
            text = html_text(text)
        yield text
        if budget <= 0:
            return


def is_type(text: str) -> bool:
    """Whether this can match a part, as "", "text" or "text/html" can. RFC 5173 §5.2."""
    # RFC 5173 §5.2: a type with a slash at an end, or with several slashes, matches nothing.
    kind, slash, subtype = text.partition("/")
    return not slash or bool(kind and subtype and "/" not in subtype)


def decode_part(scan: Scan, part: Part, limit_octets: int) -> bytes:
    """The first octets of a part's body without its transfer encoding, at most `limit_octets`."""
    body = scan.content[part.body_start : min(part.body_end, part.body_start + limit_octets * 2)]
    if part.encoding == b"base64":
        body = _decode_base64(body)
    elif part.encoding == b"quoted-printable":
        body = binascii.a2b_qp(body)
    return body[:limit_octets]


def decode_text(scan: Scan, part: Part, limit_octets: int) -> str:
    """The text of a part, decoded from its charset; at most `limit_octets` are decoded."""
    return decode_octets(decode_part(scan, part, limit_octets), part.charset)


def _decode_base64(octets: bytes) -> bytes:
    """The octets encoded up to the first padding; other characters are ignored. RFC 2045 §6.8."""
    clean = _NOT_BASE64.sub(b"", octets.partition(b"=")[0])
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


def _is_of(part: Part, wanted: str) -> bool:
    if not wanted:
        return True
    kind, slash, subtype = wanted.partition("/")
    type_, subtype_ = part.type.decode("latin-1"), part.subtype.decode("latin-1")
    return (type_, subtype_) == (kind, subtype) if slash else type_ == kind


def _content_texts(scan: Scan, part: Part, limit_octets: int) -> list[str]:
    if part.is_multipart:
        return [
            octets[:limit_octets].decode(errors="replace") for octets in _around_parts(scan, part)
        ]
    if part.is_message:
        # RFC 5173 §5.2: the text of a message/rfc822 part is the header of its message.
        inner = part.children[0]
        end = min(inner.header_end, inner.header_start + limit_octets)
        return [scan.content[inner.header_start : end].decode(errors="replace")]
    return [decode_text(scan, part, limit_octets)]


def _around_parts(scan: Scan, part: Part) -> tuple[bytes, bytes]:
    """The octets before the first part of a multipart and after its last one. RFC 5173 §5.2."""
    delimiter = b"--" + find_boundary(part.parameters)
    before = scan.content[part.body_start : part.children[0].header_start]
    after = scan.content[part.children[-1].body_end : part.body_end]
    _, _, epilogue = after.partition(delimiter + b"--")
    return before[: before.rfind(delimiter)], epilogue.lstrip(b" \t\r\n")
