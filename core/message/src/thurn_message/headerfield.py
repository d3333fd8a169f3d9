"""Writes header fields: folded, in ASCII where possible, and never more than was asked for.

Rules of this file:
1. A CR, LF or NUL in a name or value raises: text from outside never makes a second field.
2. Lines are folded to 78 octets where they have white space; unfolding gives the same value back.
   RFC 5322 §2.1.1.
3. A line of more than 998 octets raises: nobody may send it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from thurn_message.address import Address
from thurn_message.encodedword import encode_words

WANTED_OCTETS: Final = 78
"""Length in octets that a line without its CRLF should not exceed. RFC 5322 §2.1.1."""
MAX_LINE_OCTETS: Final = 998
"""Length in octets that a line without its CRLF must not exceed. RFC 5322 §2.1.1."""

_NAME: Final = re.compile(r"[!-9;-~]{1,76}")
_FORBIDDEN: Final = re.compile(rb"[\r\n\0]")
_FIRST_LINE: Final = re.compile(rb"[!-9;-~]{1,76}:[^\r\n\0]*+")
_FOLDED_LINE: Final = re.compile(rb"[ \t][^\r\n\0]*+")
_PIECE: Final = re.compile(rb"[ \t]*[^ \t]+|[ \t]+")
_ATOMS: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_SPECIAL: Final = re.compile(r'["\\]')


def header(name: str, value: str | bytes) -> bytes:
    """The field, folded and ended with CRLF.

    Args:
        name: the name as it is written.
        value: octets are written as they are, text as UTF-8 (RFC 6532). `text_header` writes
            unstructured text as encoded words instead.

    Raises:
        ValueError: an invalid name; CR, LF or NUL in the value; a line over 998 octets.

    RFC 5322 §2.2, §2.2.3.
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError("not a field name")
    octets = value.encode() if isinstance(value, str) else value
    if _FORBIDDEN.search(octets) is not None:
        raise ValueError("CR, LF or NUL in a header")
    octets = octets.strip(b" \t")
    line = name.encode("ascii") + b": " + octets
    if len(line) > WANTED_OCTETS:
        line = _fold(name.encode("ascii") + b":", b" " + octets)
    return line + b"\r\n"


def text_header(name: str, text: str) -> bytes:
    """An unstructured field (Subject, Comments, Content-Description) for any text.

    Text beyond ASCII becomes encoded words.

    Raises:
        ValueError: as `header`.

    RFC 5322 §3.6.5, RFC 2047 §5.
    """
    return header(name, encode_words(text))


def whole_fields(octets: bytes) -> bytes:
    """Header fields that other code has written (a signature, for example), checked, unchanged.

    Args:
        octets: one field or more, folded or not, each ended with CRLF.

    Raises:
        ValueError: the octets are not whole fields, or hold a bare CR, a bare LF, a NUL or a line
            over 998 octets.

    RFC 5322 §2.2, §2.2.3.
    """
    *lines, rest = octets.split(b"\r\n")
    if rest or not lines or _FIRST_LINE.fullmatch(lines[0]) is None:
        raise ValueError("not whole header fields")
    for line in lines:
        if len(line) > MAX_LINE_OCTETS:
            raise ValueError("line of a header too long")
        folded = _FOLDED_LINE.fullmatch(line) is not None and line.strip()
        if not folded and _FIRST_LINE.fullmatch(line) is None:
            raise ValueError("not whole header fields")
    return octets


def mailbox(name: str, address: Address) -> str:
    """A mailbox for From, To and the like: `"Doe, J." <j@example.org>`.

    Raises:
        ValueError: CR, LF or NUL in the name.

    RFC 5322 §3.4, RFC 2047 §5 (3).
    """
    if not name:
        return str(address)
    if not name.isascii() or "=?" in name:
        phrase = encode_words(name)
    elif _FORBIDDEN.search(name.encode()) is not None:
        raise ValueError("CR, LF or NUL in a header")
    elif _ATOMS.fullmatch(name) is not None and name == name.strip():
        phrase = name
    else:
        phrase = '"' + _SPECIAL.sub(r"\\\g<0>", name) + '"'
    return f"{phrase} <{address}>"


def parameter(name: str, value: str) -> str:
    """A parameter of a MIME field, ready to follow `; `.

    Raises:
        ValueError: CR, LF or NUL in the value.

    RFC 2045 §5.1, RFC 2231 §4.
    """
    octets = value.encode(errors="replace")
    if _FORBIDDEN.search(octets) is not None:
        raise ValueError("CR, LF or NUL in a header")
    if value.isascii():
        return f'{name}="' + _SPECIAL.sub(r"\\\g<0>", value) + '"'
    coded = "".join(chr(o) if o < 0x80 and chr(o).isalnum() else f"%{o:02X}" for o in octets)
    return f"{name}*=utf-8''{coded}"


def _fold(first: bytes, rest: bytes) -> bytes:
    """The field cut before white space into lines as long as possible.

    No line consists of white space alone.
    """
    lines = []
    line = first
    for piece in _pieces(rest):
        if len(line) + len(piece) > WANTED_OCTETS and line.strip(b" \t") and line != first:
            lines.append(line)
            line = piece
        else:
            line += piece
        if len(line) > MAX_LINE_OCTETS:
            raise ValueError("line of a header too long")
    lines.append(line)
    return b"\r\n".join(lines)


def _pieces(text: bytes) -> Iterable[bytes]:
    return (match[0] for match in _PIECE.finditer(text))
