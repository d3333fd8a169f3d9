"""`${hex: 24}` and `${unicode: 24}` in strings, at compile time. RFC 5228 §2.4.2.4."""

from __future__ import annotations

import re
from typing import Final

from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.registry import Extension
from thurn_sieve.syntax import Text

# encoded-arb-octets = "${hex:" *blank hex-pair *(1*blank hex-pair) *blank "}"
# encoded-unicode-char = "${unicode:" *blank unicode-hex *(1*blank unicode-hex) *blank "}"
_ENCODED: Final = re.compile(
    rb"\$\{([Hh][Ee][Xx]|[Uu][Nn][Ii][Cc][Oo][Dd][Ee]):([0-9A-Fa-f \t\r\n]*+)\}"
)
_HIGHEST: Final = 0x10FFFF


def decode(text: str, place: Text, diag: Diagnostics) -> str:
    """The string with its encoded characters decoded; malformed ones stay as they are."""
    if "${" not in text:
        return text

    def put(match: re.Match[bytes]) -> bytes:
        numbers = match[2].split()
        if not numbers:
            return match[0]
        if match[1].lower() == b"hex":
            if any(len(number) > 2 for number in numbers):
                return match[0]
            return bytes(int(number, 16) for number in numbers)
        return b"".join(_character(number, place, diag) for number in numbers)

    octets = _ENCODED.sub(put, text.encode())
    try:
        return octets.decode()
    except UnicodeDecodeError:
        diag.warn("these octets are not UTF-8 and match nothing", place, "not-utf-8")
        return octets.decode(errors="replace")


def _character(number: bytes, place: Text, diag: Diagnostics) -> bytes:
    digits = number.lstrip(b"0")
    value = int(digits or b"0", 16) if len(digits) <= 6 else _HIGHEST + 1
    if value > _HIGHEST or 0xD800 <= value <= 0xDFFF:
        # RFC 5228 §2.4.2.4: a well-formed sequence that is out of range is an error.
        message = "there is no Unicode character with this number"
        diag.error(message, place, "invalid-character")
        return b"?"
    return chr(value).encode()


# RFC 5463 §4: ihave must not enable an extension that changes how strings are read.
EXTENSION: Final = Extension("encoded-character", transform=decode, by_ihave=False)
