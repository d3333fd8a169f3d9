"""BODY and BODYSTRUCTURE of a MIME tree as ready IMAP bytes.

The text of a part is made after those of its children: the list of parts has parents first, so it
is read backwards. This needs no recursion and joins each octet once per level.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import Final

from thurn_message.envelope import envelope
from thurn_message.imapstring import NIL, nstring, string, strings
from thurn_message.mime.part import Part
from thurn_message.parameter import Parameters, join_parameters

REMEMBERED_TYPE_OCTETS: Final = 48
"""Octets of a type with its parameters that is remembered; most mail uses a few short ones."""


def structures(content: bytes, parts: list[Part]) -> tuple[bytes, bytes]:
    """BODY and BODYSTRUCTURE of the whole message: without and with extension data.

    Args:
        content: the octets of the message.
        parts: as `build_tree` gives them, parents first.

    RFC 3501 §7.4.2, RFC 9051 §7.5.2.
    """
    ready: dict[int, tuple[bytes, bytes]] = {}
    for part in reversed(parts):
        inner = [ready.pop(id(child)) for child in part.children]
        if part.is_multipart:
            subtype = string(part.subtype)
            body = b"(%b %b)" % (b"".join([short for short, _ in inner]), subtype)
            own, more = b"".join([long for _, long in inner]), _parameters(part.parameters)
            full = b"(%b %b %b%b)" % (own, subtype, more, _extension(part))
        else:
            text = whole = _basic(part)
            if part.is_message:
                nested = envelope(content, part.children[0].fields)
                text += b" %b %b %d" % (nested, inner[0][0], part.lines)
                whole += b" %b %b %d" % (nested, inner[0][1], part.lines)
            elif part.type == b"text":
                text = whole = b"%b %d" % (text, part.lines)
            body = b"(%b)" % text
            full = b"(%b %b%b)" % (whole, nstring(part.md5), _extension(part))
        ready[id(part)] = (body, full)
    return ready[id(parts[0])]


def _basic(part: Part) -> bytes:
    return b"%b %b %b %b %d" % (
        _kind(part.type, part.subtype, part.parameters),
        nstring(part.id),
        nstring(part.description),
        string(part.encoding),
        part.body_end - part.body_start,
    )


def _kind(type_: bytes, subtype: bytes, parameters: Parameters) -> bytes:
    size_octets = len(type_) + len(subtype) + sum(map(len, chain.from_iterable(parameters)))
    make = _remembered_kind if size_octets <= REMEMBERED_TYPE_OCTETS else _make_kind
    return make(type_, subtype, parameters)


def _make_kind(type_: bytes, subtype: bytes, parameters: Parameters) -> bytes:
    return b"%b %b %b" % (string(type_), string(subtype), _parameters(parameters))


_remembered_kind = lru_cache(256)(_make_kind)


def _extension(part: Part) -> bytes:
    """The disposition, language and location, which all kinds of parts may have."""
    if part.disposition is part.location is None and not part.language:
        return b" NIL NIL NIL"
    if part.disposition is None:
        disposition = NIL
    else:
        named = string(part.disposition), _parameters(part.disposition_parameters)
        disposition = b"(%b %b)" % named
    tags = part.language
    if not tags:
        language = NIL
    elif len(tags) == 1:
        language = string(tags[0])
    else:
        language = b"(%b)" % strings([*tags])
    return b" %b %b %b" % (disposition, language, nstring(part.location))


def _parameters(parameters: Parameters) -> bytes:
    if not parameters:
        return NIL
    if any(b"*" in name for name, _ in parameters):
        parameters = join_parameters(parameters)
    if len(parameters) == 1:
        return b"(%b)" % strings([*parameters[0]])
    return b"(%b)" % strings([word for pair in parameters for word in pair])
