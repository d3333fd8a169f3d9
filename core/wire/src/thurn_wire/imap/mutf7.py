"""Modified UTF-7, the encoding of mailbox names in IMAP4rev1. RFC 3501 §5.1.3.

    name    = *( direct / "&-" / "&" 1*base64 "-" )
    direct  = 0x20-0x25 / 0x27-0x7E
    base64  = of UTF-16BE, "," for "/", without "="

Rules of this file:
1. A text has one spelling, that of `encode`. Every other one is refused (printable ASCII in base64,
   superfluous shifts, bits left over), so that two names on the wire are never one mailbox.
2. Lone surrogates are refused in both directions.
3. Time is linear, whatever the octets.
"""

from __future__ import annotations

import binascii
import re
from typing import Final

_PLAIN: Final = re.compile(rb"[ -%'-~]*")
_SHIFTED: Final = re.compile(rb"&([^&-]*)-")
_INDIRECT: Final = re.compile("[^ -%'-~]+")


class SpellingError(ValueError):
    """The octets are not modified UTF-7, or the text cannot be spelled."""


def decode(octets: bytes) -> str:
    """The text that the octets spell.

    Raises:
        SpellingError: they are not the spelling of a text; see rule 1.

    RFC 3501 §5.1.3.
    """
    if _PLAIN.fullmatch(octets):
        return octets.decode("ascii")
    try:
        text = _SHIFTED.sub(_unshift, octets).decode("utf-8")
    except ValueError:  # binascii.Error and UnicodeError are both
        raise SpellingError("not modified UTF-7") from None
    # An unclosed shift ("&") and 8-bit octets come back as something else.
    if encode(text) != octets:
        raise SpellingError("not modified UTF-7")
    return text


def encode(text: str) -> bytes:
    """The octets that spell the text.

    Raises:
        SpellingError: a lone surrogate.

    RFC 3501 §5.1.3.
    """
    try:
        return _INDIRECT.sub(_shift, text).encode("ascii")
    except UnicodeEncodeError:
        raise SpellingError("a lone surrogate") from None


def _unshift(match: re.Match[bytes]) -> bytes:
    digits = match[1]
    if not digits:
        return b"&"
    padded = digits.replace(b",", b"/") + b"=" * (-len(digits) % 4)
    return binascii.a2b_base64(padded, strict_mode=True).decode("utf-16-be").encode()


def _shift(match: re.Match[str]) -> str:
    run = match[0]
    if run == "&":
        return "&-"
    # An ampersand is never part of a shift: RFC 3501 shifts only what is not printable.
    return "&-".join([_base64(piece) if piece else "" for piece in run.split("&")])


def _base64(run: str) -> str:
    octets = binascii.b2a_base64(run.encode("utf-16-be"), newline=False)
    return f"&{octets.rstrip(b'=').replace(b'/', b',').decode('ascii')}-"
