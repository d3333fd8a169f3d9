"""Some fields of a header: HEADER.FIELDS and HEADER.FIELDS.NOT. RFC 9051 §6.4.5."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from thurn_message.fields import read_fields


def pick_fields(header: bytes, names: Collection[bytes], *, others: bool = False) -> bytes:
    """The octets of the fields with these names, in the header's order, without the empty line.

    Args:
        header: its octets, with or without the empty line.
        names: in lower case.
        others: the fields with other names instead.
    """
    return b"".join(
        [
            header[field.start : field.end]
            for field in read_fields(header, 0, len(header))
            if (field.name in names) is not others
        ]
    )


def field_finder(names: Collection[bytes]) -> Callable[[bytes], list[bytes]]:
    """A function that finds the fields with these names in header fields that a store keeps.

    It is three times as fast as `pick_fields`, which can read any header. It is linear: no part of
    the pattern gives back what it has matched.
    """
    words = b"|".join(re.escape(name) for name in sorted(names))
    pattern = rb"^(?:%b)[ \t]*+:[^\n]*+(?:\n|\Z)(?:[ \t][^\n]*+(?:\n|\Z))*+" % words
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE).findall


def ends_with_empty_line(header: bytes) -> bool:
    """Whether the header has the empty line that ends it."""
    return header in (b"\r\n", b"\n") or header.endswith((b"\n\r\n", b"\n\n"))
