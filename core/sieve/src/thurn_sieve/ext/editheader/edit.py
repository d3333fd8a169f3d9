"""Edits of a header: fields are added and deleted, and every other octet stays as it was.

Rules of this file:
1. The body and the other fields are never written anew.
2. An added value is one line of text: its line ends become spaces, characters outside of ASCII
   become encoded words (RFC 5293 §4), and the line is folded.
3. Fields that tell how the message came here are protected. RFC 5293 §6.
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
"""Names of fields that are not deleted. RFC 5293 §6 names Received and Auto-Submitted; the others
stop loops, which could go on for ever without them."""
UNADDABLE: Final = PROTECTED - {b"auto-submitted"}
"""Names of fields that are not added, because they would be false; but a script may say that its
message is automatic."""
VALUE_CHARACTERS: Final = 2_048
"""Characters of an added value; with encoded words it is three times as long, which is still a
normal length for a field."""

_NAME: Final = re.compile(r"[!-9;-~]{1,76}")
_BREAK: Final = re.compile(r"[ \t]*[\r\n]+[ \t]*")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def is_field_name(name: str) -> bool:
    """Whether a field may have this name. RFC 5322 §3.6.8."""
    return _NAME.fullmatch(name) is not None


def is_field_value(value: str) -> bool:
    """Whether a field can have this value: it is not too long, and tabs and line ends are its only
    control characters."""
    return len(value) <= VALUE_CHARACTERS and _CONTROLS.search(value) is None


def write_field(name: str, value: str) -> bytes:
    """The octets of a field, folded and ended with CRLF.

    Raises:
        ValueError: a field cannot have this name or value, or a word is too long for a line.

    RFC 5293 §4.
    """
    if not is_field_name(name) or not is_field_value(value):
        raise ValueError("a header field cannot have this name or value")
    return text_header(name, _BREAK.sub(" ", value).strip())


def append_field(scan: Scan, field: bytes) -> bytes:
    """The message with the field after all others, for `:last`. RFC 5293 §4."""
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
    """The fields that `deleteheader` deletes.

    Args:
        scan: the message.
        name: the name of the fields, in lower case.
        index: the number of the only field that may be deleted, counted from 1; None means all.
        last: whether `index` counts from the end.
        matches: `(value) -> bool`, chooses among these fields; None means all.

    RFC 5293 §5.
    """
    fields = [field for field in scan.fields if field.name == name]
    if index is not None:
        # RFC 5293 §5: the number counts all fields of the name, not only those that match.
        fields = occurrence(fields, index, last=last)
    if matches is None:
        return fields
    return [field for field in fields if matches(scan.value(field))]


def without_fields(scan: Scan, fields: Iterable[Field]) -> bytes:
    """The message without these fields of it."""
    kept: list[bytes] = []
    position = 0
    for field in sorted(fields, key=lambda one: one.start):
        kept.append(scan.content[position : field.start])
        position = field.end
    kept.append(scan.content[position:])
    return b"".join(kept)
