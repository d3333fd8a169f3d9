"""Some fields of a header: HEADER.FIELDS and HEADER.FIELDS.NOT. RFC 9051 §6.4.5."""

from __future__ import annotations

from collections.abc import Collection

from thurn_message.fields import read_fields


def pick_fields(header: bytes, names: Collection[bytes], *, others: bool = False) -> bytes:
    """The octets of the fields of these names, in the header's order, without the empty line.

    Args:
        header: its octets, with or without the empty line.
        names: in lower case.
        others: all but these.
    """
    return b"".join(
        [
            header[field.start : field.end]
            for field in read_fields(header, 0, len(header))
            if (field.name in names) is not others
        ]
    )


def ends_with_empty_line(header: bytes) -> bool:
    """Whether the header has the empty line that ends it."""
    return header in (b"\r\n", b"\n") or header.endswith((b"\n\r\n", b"\n\n"))
