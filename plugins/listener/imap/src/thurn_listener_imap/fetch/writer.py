"""The items that are made from a message's octets: sections, and header fields."""

from __future__ import annotations

from dataclasses import dataclass

from thurn_wire.imap.fetch import BodySection, Partial, Rfc822

from thurn_listener_imap.fetch.header import ends_with_empty_line, pick_fields
from thurn_listener_imap.fetch.literal import cut, without_nul, write_literal
from thurn_listener_imap.fetch.source import Source
from thurn_listener_imap.output import Output


@dataclass(frozen=True, slots=True)
class SectionWriter:
    """`BODY[...]` but for header fields, and RFC822."""

    label: bytes
    name: str
    partial: Partial | None
    sets_seen: bool

    @property
    def summary(self) -> bool:
        """The whole message needs no summary."""
        return bool(self.name)

    async def write(self, source: Source, output: Output) -> None:
        """See `Writer`."""
        span = await source.section(self.name)
        if span is None:
            output.write(self.label + b" NIL")
            return
        start, end = cut(span.start, span.end, self.partial)
        await write_literal(self.label + b" ", end - start, source.pieces(start, end), output)


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
        span = await source.section(self.name)
        if span is None:
            output.write(self.label + b" NIL")
            return
        header = source.read(span.start, span.end)
        fields = pick_fields(header, self.names, others=self.others)
        # RFC 9051 §6.4.5: the empty line belongs to each subset.
        if ends_with_empty_line(header):
            fields += b"\r\n"
        start, end = cut(0, len(fields), self.partial)
        octets = without_nul(fields[start:end])
        output.write(b"%b {%d}\r\n%b" % (self.label, len(octets), octets))


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
