"""A small writer for the mail that thurn itself sends: notices, replies, delivery reports.

Rules of this file:
1. Text and base64 parts are 7-bit with CRLF and short lines, so that every next hop takes them.
2. This file reads no clock and no randomness: the caller gives Date and Message-ID, and a boundary
   is a digest of the content.
3. Fields are written by `headerfield`, which refuses values that would make a second field.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Iterable
from typing import Final

from thurn_message.headerfield import header, text_header

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_UNSTRUCTURED: Final = frozenset({"subject", "comments", "content-description"})
_BASE64_OCTETS: Final = 57
"""Octets that one base64 line of 76 characters holds. RFC 2045 §6.8."""


def message(fields: Iterable[tuple[str, str | bytes]], part: bytes) -> bytes:
    """A whole message: the fields, MIME-Version, then the part with its own Content- fields.

    Raises:
        ValueError: a field that cannot be written (see `headerfield`).

    RFC 5322 §3.5, RFC 2045 §4.
    """
    written = [
        text_header(name, value)
        if isinstance(value, str) and name.lower() in _UNSTRUCTURED
        else header(name, value)
        for name, value in fields
    ]
    return b"".join(written) + b"MIME-Version: 1.0\r\n" + part


def text_message(fields: Iterable[tuple[str, str | bytes]], text: str) -> bytes:
    """A message of plain text.

    Raises:
        ValueError: a field that cannot be written.
    """
    return message(fields, text_part(text))


def text_part(text: str, content_type: str = "text/plain") -> bytes:
    """A part of text: ASCII in short lines as it is, all else as UTF-8 in quoted-printable.

    Line ends become CRLF, a missing last line end is added, and NUL becomes U+FFFD.

    RFC 2045 §6.7.
    """
    text = text.replace("\0", "\ufffd")
    lines = _LINE_END.split(text)
    if lines[-1]:
        lines.append("")
    if text.isascii() and all(len(line) <= 78 for line in lines):
        head = header("Content-Type", f"{content_type}; charset=us-ascii")
        return head + b"\r\n" + "\r\n".join(lines).encode("ascii")
    # b2a_qp takes LF as the line end and keeps it; soft breaks are "=\n".
    octets = "\n".join(lines).encode(errors="replace")
    coded = binascii.b2a_qp(octets, istext=True).replace(b"\n", b"\r\n")
    head = header("Content-Type", f"{content_type}; charset=utf-8")
    return head + header("Content-Transfer-Encoding", "quoted-printable") + b"\r\n" + coded


def base64_part(content_type: str, octets: bytes, *fields: tuple[str, str]) -> bytes:
    """A part of any octets in base64, with further fields (Content-Disposition, for example).

    RFC 2045 §6.8.
    """
    lines = [
        binascii.b2a_base64(octets[start : start + _BASE64_OCTETS], newline=False)
        for start in range(0, len(octets), _BASE64_OCTETS)
    ]
    head = [header("Content-Type", content_type), header("Content-Transfer-Encoding", "base64")]
    head += [header(name, value) for name, value in fields]
    return b"".join(head) + b"\r\n" + b"\r\n".join([*lines, b""])


def raw_part(content_type: str, octets: bytes) -> bytes:
    """A part of octets that can be sent as they are: a header, a report of fields.

    RFC 3464 §2, RFC 6522 §3.
    """
    return header("Content-Type", content_type) + b"\r\n" + octets


def multipart(subtype: str, parts: Iterable[bytes], *parameters: str) -> bytes:
    """A multipart of parts made by the functions above.

    Args:
        subtype: `mixed`, `report` ...
        parts: at least one.
        parameters: as `headerfield.parameter` writes them: `report-type=delivery-status`.

    RFC 2046 §5.1.
    """
    listed = list(parts)
    boundary = _boundary(listed)
    value = "; ".join([f"multipart/{subtype}", *parameters, f'boundary="{boundary}"'])
    line = f"--{boundary}".encode("ascii")
    body = b"".join([b"%b\r\n%b\r\n" % (line, part) for part in listed])
    return header("Content-Type", value) + b"\r\n" + body + line + b"--\r\n"


def _boundary(parts: list[bytes]) -> str:
    """A boundary that is in none of the parts: no text holds its own digest."""
    return "=_" + hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]
