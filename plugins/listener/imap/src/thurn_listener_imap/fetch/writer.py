"""The items that are made from a message's octets: sections, parts, decoded parts."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from thurn.plugin import StorageError
from thurn_wire.imap.fetch import BinarySection, BinarySize, BodySection, Partial, Rfc822

from thurn_listener_imap.fetch.header import ends_with_empty_line, pick_fields
from thurn_listener_imap.fetch.item import CannotDecode, CutOff
from thurn_listener_imap.fetch.source import Place, Source
from thurn_listener_imap.output import Output

_AS_THEY_ARE = frozenset((b"", b"7bit", b"8bit", b"binary"))


@dataclass(frozen=True, slots=True)
class SectionWriter:
    """`BODY[...]` but for header fields, and RFC822."""

    label: bytes
    name: str
    partial: Partial | None
    sets_seen: bool

    @property
    def summary(self) -> bool:
        """Not for the whole message."""
        return bool(self.name)

    async def write(self, source: Source, output: Output) -> None:
        """See `Writer`."""
        place = await source.section(self.name)
        if place is None:
            output.write(self.label + b" NIL")
            return
        start, end = _cut(place.start, place.end, self.partial)
        await _write_pieces(self.label + b" ", end - start, source.pieces(start, end), output)


@dataclass(frozen=True, slots=True)
class FieldsWriter:
    """`BODY[HEADER.FIELDS (...)]` and HEADER.FIELDS.NOT, of the message or of a part."""

    label: bytes
    name: str
    names: frozenset[bytes]
    others: bool
    partial: Partial | None
    sets_seen: bool
    summary: bool = True

    async def write(self, source: Source, output: Output) -> None:
        """See `Writer`."""
        place = await source.section(self.name)
        if place is None:
            output.write(self.label + b" NIL")
            return
        header = source.read(place.start, place.end)
        fields = pick_fields(header, self.names, others=self.others)
        # RFC 9051 §6.4.5: the empty line belongs to each subset.
        if ends_with_empty_line(header):
            fields += b"\r\n"
        start, end = _cut(0, len(fields), self.partial)
        output.write(b"%b {%d}\r\n%b" % (self.label, end - start, fields[start:end]))


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
        place = await _place(source, self.numbers)
        if place is None:
            output.write(self.label + b" NIL")
            return

        def work() -> tuple[bytes, bool]:
            octets = _decoded(source, place)
            start, end = _cut(0, len(octets), self.partial)
            octets = octets[start:end]
            return octets, b"\0" in octets

        octets, has_nul = await source.derive(place.end - place.start, work)
        with octets:
            # RFC 3516 §4.2: NUL only goes in a literal8.
            label = self.label + b" ~" if has_nul else self.label + b" "
            pieces = octets.pieces(0, octets.size_octets)
            await _write_pieces(label, octets.size_octets, pieces, output)


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
        place = await _place(source, self.numbers)
        if place is not None:
            octets = place.end - place.start
            size_octets = await source.apart(octets, lambda: len(_decoded(source, place)))
        output.write(b"%b %d" % (self.label, size_octets))


def section_writer(item: BodySection | Rfc822) -> SectionWriter | FieldsWriter:
    """The writer of a section."""
    if isinstance(item, Rfc822):
        return SectionWriter(item.label, item.text, None, sets_seen=item.text != "HEADER")
    if item.text.startswith("HEADER.FIELDS"):
        numbers = "".join(f"{number}." for number in item.part)
        names = frozenset(name.lower().encode() for name in item.fields)
        return FieldsWriter(
            item.label,
            f"{numbers}HEADER",
            names,
            others=item.text.endswith(".NOT"),
            partial=item.partial,
            sets_seen=not item.peek,
        )
    return SectionWriter(item.label, item.name, item.partial, sets_seen=not item.peek)


def binary_writer(item: BinarySection | BinarySize) -> BinaryWriter | BinarySizeWriter:
    """The writer of a decoded part."""
    numbers = ".".join(map(str, item.part))
    if isinstance(item, BinarySize):
        return BinarySizeWriter(item.label, numbers)
    return BinaryWriter(item.label, numbers, item.partial, sets_seen=not item.peek)


async def _place(source: Source, numbers: str) -> Place | None:
    return await source.part(numbers) if numbers else Place(0, source.size_octets)


def _decoded(source: Source, place: Place) -> bytes:
    return decode(source.read(place.start, place.end), place.encoding)


def decode(octets: bytes, encoding: bytes) -> bytes:
    """Octets without their transfer encoding. RFC 2045 §6.

    Raises:
        CannotDecode: an unknown encoding, or base64 that is none.
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


def _cut(start: int, end: int, partial: Partial | None) -> tuple[int, int]:
    """What a partial leaves of a span; past its end it is empty. RFC 9051 §6.4.5.1."""
    if partial is None:
        return start, end
    first = min(start + partial.offset, end)
    return first, min(first + partial.count, end)


async def _write_pieces(
    label: bytes, size_octets: int, pieces: Iterator[bytes], output: Output
) -> None:
    """A literal of so many octets, sent as it is read."""
    head = b"%b{%d}\r\n" % (label, size_octets)
    first = next(pieces, b"")
    output.write(head + first if len(first) < 1024 else head)
    if len(first) >= 1024:
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
