"""One part of a MIME tree: the values of its header and the places of its octets.

A part is filled once, by `tree`, and only read afterwards. Types, subtypes, encodings, dispositions
and parameter names are in lower case; all values are the octets of the header, unfolded.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from thurn_message.fields import Field
from thurn_message.parameter import Parameters, decode_parameters


@dataclass(slots=True, eq=False)
class Part:
    """A part, or the message itself (the root).

    Attributes:
        type: the effective type; a container that cannot be taken apart gets another (see `tree`).
        subtype: the effective subtype.
        parameters: of Content-Type, as they are written.
        header_start: offset of the part's header.
        body_start: offset after the header and its empty line.
        body_end: offset after the body, without the line end that belongs to the delimiter.
        fields: the fields of the part's header.
        depth: 0 for the root.
        lines: line ends in the body; counted where IMAP shows them (text, message/rfc822), else 0.
        opaque: whether it is a container that was not taken apart: broken, or over a limit.
        children: the parts of a multipart; the one message of a message/rfc822.
        id: Content-ID, None if absent; so are the five after it.
        disposition: the disposition type, with `disposition_parameters`.
    """

    type: bytes
    subtype: bytes
    parameters: Parameters
    header_start: int
    body_start: int
    body_end: int
    fields: list[Field]
    depth: int
    lines: int = 0
    opaque: bool = False
    encoding: bytes = b"7bit"
    id: bytes | None = None
    description: bytes | None = None
    md5: bytes | None = None
    disposition: bytes | None = None
    disposition_parameters: Parameters = ()
    language: tuple[bytes, ...] = ()
    location: bytes | None = None
    children: list[Part] = field(default_factory=list)

    @property
    def header_end(self) -> int:
        """The offset after the header and its empty line."""
        return self.body_start

    @property
    def size_octets(self) -> int:
        """The size of the body as transferred; IMAP calls it body size."""
        return self.body_end - self.body_start

    @property
    def content_type(self) -> str:
        """The type and subtype: `text/plain`."""
        return f"{self.type.decode('ascii')}/{self.subtype.decode('ascii')}"

    @property
    def is_multipart(self) -> bool:
        """Whether it is a multipart that was taken apart."""
        return self.type == b"multipart"

    @property
    def is_message(self) -> bool:
        """Whether it is a message/rfc822 that was taken apart."""
        return self.type == b"message" and self.subtype == b"rfc822"

    @property
    def charset(self) -> str:
        """The charset parameter in lower case, empty without one."""
        for name, value in self.parameters:
            if name == b"charset":
                return value.decode("ascii", "replace").lower()
        return ""

    @property
    def filename(self) -> str | None:
        """The name of an attachment for people; never use it as a path. RFC 2183 §2.3."""
        filename = decode_parameters(self.disposition_parameters).get("filename")
        return filename if filename is not None else decode_parameters(self.parameters).get("name")

    @property
    def is_attachment(self) -> bool:
        """Whether it has a disposition other than inline. RFC 2183 §2.8."""
        return self.disposition is not None and self.disposition != b"inline"
