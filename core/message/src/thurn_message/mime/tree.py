"""Takes a message apart into its MIME tree, iteratively and within bounds.

Rules of this file:
1. A container's delimiters are searched in its own body only, the outer container first, so that
   parts lie inside their parents whatever the boundaries are.
2. A delimiter is a line that begins with `--boundary` or `--boundary--` and then ends, or goes on
   with a character that boundaries cannot hold. RFC 2046 §5.1.1 takes every line that begins so;
   but agents write boundaries that are prefixes of each other, so a letter there makes another
   boundary.
3. A multipart that is never closed ends with its parent. A multipart without a usable boundary or
   without any delimiter becomes text/plain, so that people can read it. A message/rfc822 in base64
   or quoted-printable (forbidden, RFC 2046 §5.2.1) and every container over a limit becomes
   application/octet-stream. All of these except the multipart that is never closed are `opaque`.
4. The octets searched are counted against an allowance in proportion to the message, so the time is
   linear at any depth.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, TypeAlias

from thurn_message.fields import Field, find_header_end, read_fields, unfold
from thurn_message.limits import (
    LOOKALIKE_OCTETS,
    MAX_BOUNDARY_OCTETS,
    MAX_DEPTH,
    MAX_PARTS,
    SCAN_FACTOR,
    SCAN_FLOOR_OCTETS,
)
from thurn_message.mime.part import Part
from thurn_message.parameter import Parameters, split_value, strip_comments

_Span: TypeAlias = tuple[int, int]

_TYPE: Final = re.compile(
    rb"([!#$%&'*+.^_`{|}~0-9A-Za-z-]++)\s*+/\s*+([!#$%&'*+.^_`{|}~0-9A-Za-z-]++)"
)
# After the boundary: the end of the line, or a character outside bcharsnospace (RFC 2046 §5.1.1).
_DELIMITER_END: Final = re.compile(
    rb"(--)?+(?:\r?(?:\n|\Z)|[^0-9A-Za-z'()+_,./:=?\r\n-][^\n]*+(?:\n|\Z))"
)
_TAG: Final = re.compile(rb"[^\s,]++")

REMEMBERED_TYPE_OCTETS: Final = 48
"""Octets of a Content-Type that is remembered. Most mail uses a few short ones; one with a
boundary, which never comes twice, is hardly ever so short."""

_TEXT_PLAIN: Final[tuple[bytes, bytes, Parameters]] = (
    b"text",
    b"plain",
    ((b"charset", b"us-ascii"),),
)
_RFC822: Final[tuple[bytes, bytes, Parameters]] = (b"message", b"rfc822", ())
_IDENTITY: Final = frozenset((b"7bit", b"8bit", b"binary"))


def build_tree(content: bytes, start: int, body_start: int, fields: list[Field]) -> list[Part]:
    """All parts in the order of the message, every parent before its children; the root first.

    Args:
        content: the octets of the message.
        start: where the message's header begins.
        body_start: where its body begins.
        fields: of the message's header.

    RFC 2045, RFC 2046 §5.1, §5.2.1.
    """
    root = read_part(content, (start, body_start, len(content)), fields, 0)
    if root.type == b"text":  # a single text part needs no builder
        root.lines = content.count(b"\n", body_start)
        return [root]
    return _Builder(content).build(root)


class _Builder:
    """One pass: the parts listed, the parts to be opened, and the octets that may be searched."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.allowance = SCAN_FACTOR * len(content) + SCAN_FLOOR_OCTETS
        self.parts: list[Part] = []
        # (parent, span, may be opened); the last entry is the next in the order of the message
        self.pending: list[tuple[Part, _Span, bool]] = []

    def build(self, root: Part) -> list[Part]:
        self.open(root)
        while self.pending:
            parent, (begin, end), whole = self.pending.pop()
            body = find_header_end(self.content, begin, end)
            fields = read_fields(self.content, begin, body)
            part = read_part(
                self.content,
                (begin, body, end),
                fields,
                parent.depth + 1,
                digest=parent.subtype == b"digest" and parent.is_multipart,
            )
            parent.children.append(part)
            if whole:
                self.open(part)
            else:
                self.close(part, b"application", b"octet-stream")
        return self.parts

    def open(self, part: Part) -> None:
        """List the part and make its children pending, or count its lines."""
        if part.type == b"multipart":
            self.open_multipart(part)
        elif part.type == b"message" and part.subtype == b"rfc822":
            if self.exhausted(part) or part.encoding not in _IDENTITY:
                self.close(part, b"application", b"octet-stream")
                return
            self.count_lines(part)
            self.parts.append(part)
            self.pending.append((part, (part.body_start, part.body_end), True))
        else:
            if part.type == b"text":
                self.count_lines(part)
            self.parts.append(part)

    def open_multipart(self, part: Part) -> None:
        boundary = find_boundary(part.parameters)
        if boundary and self.exhausted(part):
            self.close(part, b"application", b"octet-stream")
            return
        spans, cut = self.split(part, boundary) if boundary else ([], False)
        if not spans:
            self.close(part, b"text", b"plain")
            return
        self.parts.append(part)
        last = len(spans) - 1
        for index in range(last, -1, -1):
            self.pending.append((part, spans[index], not (cut and index == last)))

    def close(self, part: Part, type_: bytes, subtype: bytes) -> None:
        """List a container that is not taken apart, under a type that is not a container's."""
        part.opaque = True
        part.type, part.subtype, part.parameters = type_, subtype, ()
        if type_ == b"text":
            self.count_lines(part)
        self.parts.append(part)

    def exhausted(self, part: Part) -> bool:
        """Whether a bound forbids taking this container apart."""
        size = part.size_octets
        room = len(self.parts) + len(self.pending) + 1 < MAX_PARTS
        return part.depth >= MAX_DEPTH or self.allowance < size or not room

    def count_lines(self, part: Part) -> None:
        self.allowance -= part.size_octets
        part.lines = self.content.count(b"\n", part.body_start, part.body_end)

    def split(self, part: Part, boundary: bytes) -> tuple[list[_Span], bool]:
        """The spans of a multipart's parts, and whether the last one is the rest past a bound."""
        content, end = self.content, part.body_end
        self.allowance -= part.size_octets
        room = MAX_PARTS - len(self.parts) - len(self.pending) - 1
        needle = b"\n--" + boundary
        spans: list[_Span] = []
        begin = -1
        # The body begins after a line end, which may be the one before the first delimiter.
        position = content.find(needle, part.body_start - 1, end)
        while position >= 0 and self.allowance >= 0:
            match = _DELIMITER_END.match(content, position + len(needle), end)
            if match is None:
                self.allowance -= LOOKALIKE_OCTETS
                position = content.find(needle, position + len(needle), end)
                continue
            if begin >= 0:
                stop = position - 1 if content[position - 1] == 0x0D else position
                spans.append((begin, max(begin, stop)))
            if match[1] is not None:
                return spans, False
            if len(spans) == room:
                spans[-1] = (spans[-1][0], end)
                return spans, True
            begin = match.end()
            position = content.find(needle, begin - 1, end)
        # RFC 2046 §5.1.2: the end of the enclosing entity ends a part that was never closed.
        if begin >= 0:
            spans.append((begin, end))
        return spans, position >= 0


def find_boundary(parameters: Parameters) -> bytes:
    """The boundary of a multipart; empty if it is missing or too long. RFC 2046 §5.1.1."""
    for name, value in parameters:
        if name == b"boundary":
            return value.rstrip(b" \t") if len(value) <= MAX_BOUNDARY_OCTETS else b""
    return b""


def read_part(
    content: bytes,
    places: tuple[int, int, int],
    fields: list[Field],
    depth: int,
    *,
    digest: bool = False,
) -> Part:
    """The part that a header describes, not yet opened.

    Args:
        content: the octets of the message.
        places: where its header begins, its body begins and its body ends.
        fields: the fields of its header; the first of each name counts.
        depth: the depth of the part; 0 for the root.
        digest: whether its parent is a multipart/digest (RFC 2046 §5.1.5).
    """
    values_by_name: dict[bytes, bytes] = {}
    for name, _, value, end in fields:
        if name.startswith(b"content-") and name not in values_by_name:
            values_by_name[name] = content[value:end]
    default = _RFC822 if digest else _TEXT_PLAIN
    if not values_by_name:
        return Part(*default, *places, fields, depth)
    raw = values_by_name.pop(b"content-type", None)
    if raw is None:
        kind = default
    else:
        kind = _remembered_type(raw) if len(raw) <= REMEMBERED_TYPE_OCTETS else _parse_type(raw)
    part = Part(*kind, *places, fields, depth)
    if values_by_name:
        _describe(part, values_by_name)
    return part


@lru_cache(256)
def _remembered_type(raw: bytes) -> tuple[bytes, bytes, Parameters]:
    return _parse_type(raw)


def _parse_type(raw: bytes) -> tuple[bytes, bytes, Parameters]:
    value, parameters = split_value(raw)
    match = _TYPE.match(value)
    if match is None:
        # RFC 2045 §5.2: a part with an invalid Content-Type is text/plain.
        return _TEXT_PLAIN
    return match[1].lower(), match[2].lower(), parameters


def _describe(part: Part, values_by_name: dict[bytes, bytes]) -> None:
    """Set the attributes of the other Content- fields.

    RFC 2045 §6-§8, RFC 1864, 2183, 2557, 3282.
    """
    raw = values_by_name.get(b"content-transfer-encoding")
    if raw is not None:
        if b"(" in raw:
            raw = strip_comments(raw)
        part.encoding = unfold(raw).strip().lower() or b"7bit"
    raw = values_by_name.get(b"content-disposition")
    if raw is not None:
        value, parameters = split_value(raw)
        if value:
            part.disposition, part.disposition_parameters = value.lower(), parameters
    part.id = _unfolded(values_by_name.get(b"content-id"))
    part.description = _unfolded(values_by_name.get(b"content-description"))
    part.md5 = _unfolded(values_by_name.get(b"content-md5"))
    part.location = _unfolded(values_by_name.get(b"content-location"))
    raw = values_by_name.get(b"content-language")
    if raw is not None:
        part.language = tuple(_TAG.findall(strip_comments(raw)))


def _unfolded(raw: bytes | None) -> bytes | None:
    return None if raw is None else unfold(raw)
