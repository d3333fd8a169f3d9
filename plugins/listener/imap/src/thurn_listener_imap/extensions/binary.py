"""FETCH BINARY and BINARY.SIZE: parts without their transfer encoding. RFC 3516 §4.2, §4.3.

    C: 1 FETCH 1 (BINARY.SIZE[2] BINARY.PEEK[2]<0.4>)
    S: * 1 FETCH (BINARY.SIZE[2] 4 BINARY[2]<0> ~{4}

IMAP4rev2 has these items (RFC 9051 §6.4.5). The capability BINARY is not announced: it includes
APPEND of a literal8, which is refused here.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import Final

from thurn_wire.imap.fetch import BinarySection, BinarySize, FetchItem, Partial
from thurn_wire.imap.grammar import fetch
from thurn_wire.imap.grammar.registry import Cursor, Grammar, add

from thurn_listener_imap.extension import ImapExtension
from thurn_listener_imap.fetch.item import CannotDecode, CompiledItem
from thurn_listener_imap.fetch.literal import cut, write_literal
from thurn_listener_imap.fetch.source import SectionSpan, Source
from thurn_listener_imap.output import Output

_AS_THEY_ARE: Final = frozenset((b"", b"7bit", b"8bit", b"binary"))


@dataclass(frozen=True, slots=True)
class BinaryWriter:
    """`BINARY[...]`. RFC 3516 §4.2."""

    label: bytes
    numbers: str
    partial: Partial | None
    sets_seen: bool
    summary: bool = True

    async def write(self, source: Source, output: Output) -> None:
        """See `Writer`."""
        span = await _span(source, self.numbers)
        if span is None:
            output.write(self.label + b" NIL")
            return

        def work() -> tuple[bytes, bool]:
            octets = _decoded(source, span)
            start, end = cut(0, len(octets), self.partial)
            octets = octets[start:end]
            return octets, b"\0" in octets

        octets, has_nul = await source.derive(span.end - span.start, work)
        with octets:
            # RFC 3516 §4.2: only a literal8 may hold NUL.
            await write_literal(
                self.label + b" ",
                octets.size_octets,
                octets.pieces(0, octets.size_octets),
                output,
                is_literal8=has_nul,
            )


@dataclass(frozen=True, slots=True)
class BinarySizeWriter:
    """`BINARY.SIZE[...]`. RFC 3516 §4.3."""

    label: bytes
    numbers: str
    sets_seen: bool = False
    summary: bool = True

    async def write(self, source: Source, output: Output) -> None:
        """See `Writer`."""
        size_octets = 0
        span = await _span(source, self.numbers)
        if span is not None:
            octets = span.end - span.start
            size_octets = await source.apart(octets, lambda: len(_decoded(source, span)))
        output.write(b"%b %d" % (self.label, size_octets))


async def _span(source: Source, numbers: str) -> SectionSpan | None:
    return await source.part(numbers) if numbers else SectionSpan(0, source.size_octets)


def _decoded(source: Source, span: SectionSpan) -> bytes:
    return decode(source.read(span.start, span.end), span.encoding)


def decode(octets: bytes, encoding: bytes) -> bytes:
    """Octets without their transfer encoding. RFC 2045 §6.

    Raises:
        CannotDecode: the encoding is unknown, or the octets are not base64 as they should be.
    """
    if encoding in _AS_THEY_ARE:
        return octets
    if encoding == b"quoted-printable":
        return binascii.a2b_qp(octets)
    if encoding == b"base64":
        try:
            return binascii.a2b_base64(octets)
        except binascii.Error as error:
            raise CannotDecode(str(error)) from error
    raise CannotDecode(encoding.decode("ascii", "replace"))


def _peek(cursor: Cursor) -> FetchItem:
    return fetch.binary(cursor, peek=True)


def _words(grammar: Grammar) -> None:
    add(grammar.fetch_items, "BINARY", fetch.binary)
    add(grammar.fetch_items, "BINARY.PEEK", _peek)
    add(grammar.fetch_items, "BINARY.SIZE", fetch.binary_size)


def _compile(item: FetchItem) -> CompiledItem:
    match item:
        case BinarySection():
            numbers = ".".join(map(str, item.part))
            return BinaryWriter(item.label, numbers, item.partial, sets_seen=not item.peek)
        case BinarySize():
            return BinarySizeWriter(item.label, ".".join(map(str, item.part)))
    raise ValueError(f"{item} cannot be fetched")


BINARY: Final = ImapExtension(
    name="binary",
    grammar=_words,
    fetch_items={BinarySection: _compile, BinarySize: _compile},
)
