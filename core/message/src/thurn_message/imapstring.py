"""Octets as IMAP strings: quoted where the grammar allows it, otherwise as a literal.

A quoted string holds no CR, LF, NUL or 8-bit octet (RFC 3501 §9, TEXT-CHAR). A literal holds
everything but NUL (CHAR8), so a NUL in a header becomes `?`.
"""

from __future__ import annotations

import re
from typing import Final

NIL: Final = b"NIL"

_NOT_PLAIN: Final = re.compile(rb'[\x00\r\n"\\\x80-\xff]')
_NEEDS_LITERAL: Final = re.compile(rb"[\x00\r\n\x80-\xff]")


def strings(words: list[bytes]) -> bytes:
    """One word or more as strings with spaces between. RFC 3501 §9."""
    if _NOT_PLAIN.search(b"".join(words)) is None:
        return b'"%b"' % b'" "'.join(words)
    return b" ".join([string(word) for word in words])


def string(value: bytes) -> bytes:
    """The octets as `string`. RFC 3501 §9."""
    if _NOT_PLAIN.search(value) is None:
        return b'"%b"' % value
    if _NEEDS_LITERAL.search(value) is None:
        return b'"%b"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    value = value.replace(b"\0", b"?")
    return b"{%d}\r\n%b" % (len(value), value)


def nstring(value: bytes | None) -> bytes:
    """The octets as `nstring`: NIL for None. RFC 3501 §9."""
    return NIL if value is None else string(value)
