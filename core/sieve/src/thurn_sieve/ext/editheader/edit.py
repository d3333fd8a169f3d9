"""Edits of a header: fields added and deleted, every other octet as it was.

Rules of this file:
1. The body and the fields that stay are never written anew.
2. An added value is one line of text: line ends become white space, what is not ASCII becomes
   encoded words (RFC 5293 §4), the line is folded.
3. Fields that tell how a message came here are not deleted. RFC 5293 §6.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from thurn_message.fields import Field
from thurn_message.headerfield import text_header
from thurn_message.scanner import Scan

from thurn_sieve.ext.index.occurrence import occurrence

PROTECTED: Final = frozenset(
    {b"received", b"auto-submitted", b"return-path", b"delivered-to", b"x-sieve-redirected-from"}
)
"""RFC 5293 §6 names the first two; the others end loops, which deleting them would set free."""
UNADDABLE: Final = PROTECTED - {b"auto-submitted"}
"""What a script must not claim either; that it is automatic itself it may say."""
VALUE_CHARACTERS: Final = 2_048
"""Of an added value; with encoded words it is thrice as long, and still an honest header's."""

_NAME: Final = re.compile(r"[!-9;-~]{1,76}")
_BREAK: Final = re.compile(r"[ \t]*[\r\n]+[ \t]*")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def is_field_name(name: str) -> bool:
    """Whether a field may be called so. RFC 5322 §3.6.8."""
    return _NAME.fullmatch(name) is not None


def is_field_value(value: str) -> bool:
    """Whether it can be made a value: no controls but line ends, not over the bound."""
    return len(value) <= VALUE_CHARACTERS and _CONTROLS.search(value) is None


def write_field(name: str, value: str) -> bytes:
    """The field of this text, folded and ended with CRLF.

    Raises:
        ValueError: a name or value that is none, or a word too long for a line.

    RFC 5293 §4.
    """
    if not is_field_name(name) or not is_field_value(value):
        raise ValueError("not a header field")
    return text_header(name, _BREAK.sub(" ", value).strip())


def append_field(scan: Scan, field: bytes) -> bytes:
    """The message with the field below all others. RFC 5293 §4, `:last`."""
    content = scan.content
    end = scan.fields[-1].end if scan.fields else 0
    if end and content[end - 1 : end] != b"\n":  # a message that is one field without a line end
        return content[:end] + b"\r\n" + field + content[end:]
    return content[:end] + field + content[end:]


def matching_fields(
    scan: Scan,
    name: bytes,
    *,
    index: int | None = None,
    last: bool = False,
    matches: Callable[[bytes], bool] | None = None,
) -> list[Field]:
    """The fields of a name (in lower case) that a deletion means.

    Args:
        scan: the message.
        name: of the fields.
        index: only the occurrence of this number, from 1; `last` counts from the end.
        last: see `index`.
        matches: judges a field's value; None: all match.

    RFC 5293 §5.
    """
    found = [field for field in scan.fields if field.name == name]
    if index is not None:
        # RFC 5293 §5: the number counts all fields of the name, not those that match.
        found = occurrence(found, index, last=last)
    if matches is None:
        return found
    return [field for field in found if matches(scan.value(field))]


def without_fields(scan: Scan, fields: Iterable[Field]) -> bytes:
    """The message without these fields, which are its own."""
    kept: list[bytes] = []
    position = 0
    for field in sorted(fields, key=lambda one: one.start):
        kept.append(scan.content[position : field.start])
        position = field.end
    kept.append(scan.content[position:])
    return b"".join(kept)
