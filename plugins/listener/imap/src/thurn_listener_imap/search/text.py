"""Texts as SEARCH compares them: decoded, without regard to case.

Rules of this file: linear in the text; the comparison is that of i;unicode-casemap (RFC 5051) but
for the mapping of case, which is Unicode's own folding.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final
from unicodedata import normalize

from thurn_message.charset import decode_octets
from thurn_message.encodedword import decode_words
from thurn_message.fields import Field, unfold
from thurn_message.mime.part import Part
from thurn_message.scanner import Scan

from thurn_listener_imap.limits import SEARCH_PART_OCTETS

_PLAIN_FORMS: Final = {
    b"content-transfer-encoding": (
        b"content-transfer-encoding: 7bit",
        b"content-transfer-encoding: 8bit",
    ),
    b"charset": (
        b"charset=utf-8",
        b'charset="utf-8',
        b"charset=us-ascii",
        b'charset="us-ascii',
        b"charset=iso-8859-",
        b'charset="iso-8859-',
        b"charset=windows-125",
        b'charset="windows-125',
    ),
}
"""Each standing of the first must be one of these: they leave ASCII octets as they are."""


_WHITE: Final = re.compile(rb"\s")


def fold(text: str) -> str:
    """The text in the form that is compared."""
    if text.isascii():
        return text.lower()
    return normalize("NFKD", text).casefold()


def field_text(octets: bytes, field: Field) -> str:
    """A header field's value as it is compared."""
    return value_text(octets[field.value : field.end])


def value_text(raw: bytes) -> str:
    """The same of the octets after the colon."""
    value = unfold(raw)
    if value.isascii() and b"=?" not in value:
        return value.lower().decode("ascii")
    return fold(decode_words(value))


def sieve_words(needle: str) -> tuple[bytes, ...]:
    """Words that stand in the raw octets of each text in which the needle stands, unless the text
    is encoded: no fold of a header and no seam between name and value goes through one."""
    return tuple(needle.replace(":", " ").encode().split()) if needle.isascii() else ()


def may_hold(needle: bytes, headers: bytes) -> bool:
    """Whether the value of a header field may hold this ASCII text in lower case.

    Values are unfolded as all header fields are here. Beyond ASCII they are folded: a Kelvin sign
    is a K.
    """
    lower = headers.lower()
    return (
        needle in lower
        or b"=?" in lower
        or not lower.isascii()
        or ((b"\n " in lower or b"\n\t" in lower) and needle in _unfolded(lower))
    )


def those_that_may_hold(needle: bytes, headers: Sequence[bytes]) -> list[int]:
    """Of many headers, the indexes of those that `may_hold` the text, ascending; all at once.

    A fold has white space behind it, so a text without any stands in the octets as they are.
    """
    if not needle or _WHITE.search(needle):
        return [n for n, one in enumerate(headers) if may_hold(needle, one)]
    ends = list(accumulate(len(one) + 1 for one in headers))
    joined = b"\n".join(headers).lower()
    found: set[int] = set()
    for word in (needle, b"=?"):
        at = joined.find(word)
        while at >= 0:
            n = bisect_right(ends, at)
            found.add(n)
            at = joined.find(word, ends[n])
    if not joined.isascii():
        found.update(n for n, one in enumerate(headers) if not one.isascii())
    return sorted(found)


def _unfolded(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"").replace(b"\n", b"")


def plain_octets(octets: bytes) -> bytes | None:
    """A message's octets in lower case, when all of its texts stand in them as they are; None when
    one may be encoded, or be in a charset in which ASCII octets are something else."""
    if not octets.isascii() or b"=?" in octets:
        return None
    lower = octets.lower()
    for name, forms in _PLAIN_FORMS.items():
        at = lower.find(name)
        while at >= 0:
            if not lower.startswith(forms, at):
                return None
            at = lower.find(name, at + len(name))
    return lower


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
