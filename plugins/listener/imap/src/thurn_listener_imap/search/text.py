"""Texts as SEARCH compares them: decoded, without regard to case.

Rules of this file: the work is linear in the text. The comparison is that of i;unicode-casemap
(RFC 5051), except that case is mapped by Unicode's folding.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Final
from unicodedata import normalize

from thurn_message.addresslist import parse_address_list
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
"""What each occurrence of a key must begin with, so that ASCII octets stand for themselves."""

ADDRESS_FIELDS: Final = frozenset({b"from", b"to", b"cc", b"bcc"})
"""The fields of SEARCH FROM, TO, CC and BCC, which search the envelope. RFC 9051 §6.4.4."""
_ADDRESS_APART: Final = re.compile(
    rb"""[(\\]|["\s]@|@\s|<[^<>\s]*+\s|@[^\s,<>@]*+(?:\s++\.|(?<=\.)\s++\w)"""
)
"""Signs that an address may be written otherwise than ENVELOPE has it."""
_ADDRESS_SPECIALS: Final = re.compile(r"""[\s@.()<>"\\,:;\[\]]++""")
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
    """The value of a header field as it is compared, from the octets after the colon."""
    value = unfold(raw)
    if value.isascii() and b"=?" not in value:
        return value.lower().decode("ascii")
    return fold(decode_words(value))


def address_text(raw: bytes) -> str:
    """As `value_text`, for a field of addresses.

    Behind the value, each on a line of its own, stand its addresses as ENVELOPE has them, if one is
    written otherwise (comments, quotes, white space).

    RFC 9051 §6.4.4, §7.5.2.
    """
    text = value_text(raw)
    if _ADDRESS_APART.search(raw) is None:
        return text
    boxes = parse_address_list(unfold(raw)).mailboxes
    return "\n".join([text, *(fold(decode_octets(b"%b@%b" % (b.local, b.domain))) for b in boxes)])


def field_reader(name: bytes) -> Callable[[bytes], str]:
    """How the values of a header field, by its name in lower case, are compared."""
    return address_text if name in ADDRESS_FIELDS else value_text


def plain_word(name: bytes, needle: str) -> bytes | None:
    """What the header must hold for the field to have an ASCII text, as `may_hold` is asked; None
    where that cannot be said. Of an address it is one word, since others may stand in between."""
    if not needle.isascii():
        return None
    if name not in ADDRESS_FIELDS:
        return needle.encode()
    return max(_ADDRESS_SPECIALS.split(needle), key=len).encode()


def necessary_words(needle: str) -> tuple[bytes, ...]:
    """Words that the raw octets of each text with this needle have, unless the text is encoded: no
    folded line, and no seam between a field's name and value, splits one of them."""
    return tuple(needle.replace(":", " ").encode().split()) if needle.isascii() else ()


def may_hold(needle: bytes, headers: bytes) -> bool:
    """Whether the value of a header field may have this ASCII text in lower case.

    Lines are unfolded. A header with octets beyond ASCII may always have it, since the case of
    other letters is mapped as well: a Kelvin sign is a k.
    """
    lower = headers.lower()
    return (
        needle in lower
        or b"=?" in lower
        or not lower.isascii()
        or ((b"\n " in lower or b"\n\t" in lower) and needle in _unfolded(lower))
    )


def those_that_may_hold(needle: bytes, headers: Sequence[bytes]) -> list[int]:
    """The indexes of those headers that `may_hold` the text, ascending; all are searched at once.

    A folded line begins with white space, so a text without white space is never split.
    """
    if not needle or _WHITE.search(needle):
        return [n for n, one in enumerate(headers) if may_hold(needle, one)]
    ends = list(accumulate(len(one) + 1 for one in headers))
    joined = b"\n".join(headers).lower()
    indexes: set[int] = set()
    for word in (needle, b"=?"):
        at = joined.find(word)
        while at >= 0:
            n = bisect_right(ends, at)
            indexes.add(n)
            at = joined.find(word, ends[n])
    if not joined.isascii():
        indexes.update(n for n, one in enumerate(headers) if not one.isascii())
    return sorted(indexes)


def _unfolded(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"").replace(b"\n", b"")


def plain_octets(octets: bytes) -> bytes | None:
    """A message's octets in lower case, if they contain all its texts as they are; None if a text
    may be encoded, or be in a charset in which ASCII octets mean something else."""
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
    """The texts of a message that BODY searches; with `headers`, those that TEXT searches.

    BODY searches parts of text and of reports (such as message/delivery-status), decoded, and the
    headers of messages within. TEXT also searches the headers of all parts, which have the names of
    attachments.
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
    """A header as it is compared: each field is decoded and has a line of its own."""
    content = scan.content
    return "\n".join(
        f"{field.name.decode('ascii', 'replace')}: {field_text(content, field)}"
        for field in part.fields
    )


def part_text(content: bytes, part: Part) -> str:
    """The text of a part, decoded as far as that is possible."""
    octets = content[part.body_start : min(part.body_end, part.body_start + SEARCH_PART_OCTETS)]
    if part.encoding == b"quoted-printable":
        octets = binascii.a2b_qp(octets)
    elif part.encoding == b"base64":
        octets = _from_base64(octets)
    return decode_octets(octets, part.charset)


def _from_base64(octets: bytes) -> bytes:
    """The decoded octets; broken base64 is searched as it is."""
    try:
        return binascii.a2b_base64(octets)
    except binascii.Error:
        return octets
