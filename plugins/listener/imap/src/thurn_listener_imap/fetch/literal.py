"""Literals of FETCH responses, sent while they are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from thurn.plugin import StorageError
from thurn_wire.imap.fetch import Partial

from thurn_listener_imap.fetch.item import CutOff
from thurn_listener_imap.output import Output

_JOINED_OCTETS: Final = 1_024
"""Octets of a literal below which it is joined with its beginning, since a copy costs less than one
more piece."""


def cut(start: int, end: int, partial: Partial | None) -> tuple[int, int]:
    """The part of a span that a partial leaves; past the end it is empty. RFC 9051 §6.4.5.1."""
    if partial is None:
        return start, end
    first = min(start + partial.offset, end)
    return first, min(first + partial.count, end)


async def write_literal(
    label: bytes, size_octets: int, pieces: Iterator[bytes], output: Output
) -> None:
    """Write a literal of `size_octets` behind its label, piece by piece.

    Raises:
        StorageError: the first piece cannot be read; nothing was written.
        CutOff: a later piece cannot be read.
    """
    head = b"%b{%d}\r\n" % (label, size_octets)
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
