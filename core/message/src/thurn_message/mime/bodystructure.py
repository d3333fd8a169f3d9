"""BODY and BODYSTRUCTURE of a MIME tree as ready IMAP bytes.

Every part's text is made after those of its children (the list of parts has parents first, so it is
gone through backwards): no recursion, each octet joined once per level.
"""

from __future__ import annotations

from thurn_message.envelope import envelope
from thurn_message.imapstring import NIL, nstring, string, strings
from thurn_message.mime.part import Part
from thurn_message.parameter import Parameters, join_parameters


def bodystructure(content: bytes, parts: list[Part], *, extensible: bool) -> bytes:
    """The structure of the whole message.

    Args:
        content: the octets of the message.
        parts: as `build_tree` gives them, parents first.
        extensible: BODYSTRUCTURE, with extension data; else BODY.

    RFC 3501 §7.4.2, RFC 9051 §7.5.2.
    """
    ready: dict[int, bytes] = {}
    for part in reversed(parts):
        inner = [ready.pop(id(child)) for child in part.children]
        if part.is_multipart:
            text = b"%b %b" % (b"".join(inner), string(part.subtype))
            if extensible:
                text += b" %b" % _parameters(part.parameters)
        else:
            text = _basic(part)
            if part.is_message:
                nested = part.children[0]
                text += b" %b %b %d" % (envelope(content, nested.fields), inner[0], part.lines)
            elif part.type == b"text":
                text += b" %d" % part.lines
            if extensible:
                text += b" %b" % nstring(part.md5)
        if extensible:
            text += _extension(part)
        ready[id(part)] = b"(%b)" % text
    return ready[id(parts[0])]


def _basic(part: Part) -> bytes:
    return b"%b %b %b %b %b %b %d" % (
        string(part.type),
        string(part.subtype),
        _parameters(part.parameters),
        nstring(part.id),
        nstring(part.description),
        string(part.encoding),
        part.body_end - part.body_start,
    )


def _extension(part: Part) -> bytes:
    """Disposition, language and location, which all kinds of parts have."""
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
