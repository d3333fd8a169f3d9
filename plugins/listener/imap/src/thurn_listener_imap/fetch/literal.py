"""Literals of FETCH responses, sent while they are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from thurn.plugin import StorageError
from thurn_wire.imap.fetch import Partial

from thurn_listener_imap.fetch.item import CutOff
from thurn_listener_imap.output import Output

NUL_STANDS_FOR: Final = b"\x80"
"""What goes out in the place of a NUL where a literal cannot hold one; Dovecot has the same. It is
no character of ASCII or UTF-8, so nothing else is mistaken for it."""

_JOINED_OCTETS: Final = 1_024
"""Octets of a literal below which it is joined with its beginning, since a copy costs less than one
more piece."""


def cut(start: int, end: int, partial: Partial | None) -> tuple[int, int]:
    """The part of a span that a partial leaves; past the end it is empty. RFC 9051 §6.4.5.1."""
    if partial is None:
        return start, end
    first = min(start + partial.offset, end)
    return first, min(first + partial.count, end)


def without_nul(octets: bytes) -> bytes:
    """The octets as a literal may hold them; their number stays the same.

    RFC 9051 §4.3: only a literal8 holds NUL (BINARY, RFC 3516 §4.2).
    """
    return octets.replace(b"\0", NUL_STANDS_FOR) if b"\0" in octets else octets


async def write_literal(
    label: bytes,
    size_octets: int,
    pieces: Iterator[bytes],
    output: Output,
    *,
    is_literal8: bool = False,
) -> None:
    """Write a literal of `size_octets` behind its label, piece by piece.

    Args:
        label: what stands before it.
        size_octets: how many octets the pieces have together.
        pieces: its octets.
        output: where it goes.
        is_literal8: it may hold NUL.

    Raises:
        StorageError: the first piece cannot be read; nothing was written.
        CutOff: a later piece cannot be read.
    """
    mark = b"~" if is_literal8 else b""
    head = b"%b%b{%d}\r\n" % (label, mark, size_octets)
    if not is_literal8:
        pieces = map(without_nul, pieces)
    first = next(pieces, b"")
    if len(first) < _JOINED_OCTETS:
        output.write(head + first)
    else:
        output.write(head)
        output.write(first)
    if len(first) == size_octets:
        return
    await output.relieve()
    try:
        for piece in pieces:
            output.write(piece)
            await output.relieve()
    except StorageError as error:
        raise CutOff(str(error)) from error
