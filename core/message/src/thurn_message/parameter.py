"""Parameters of MIME fields: `value; name=value; name*0*=utf-8''value`.

Rules of this file:
1. Nothing raises. Text that is not a parameter is skipped; a quoted string that is never closed
   reaches to the end.
2. `split_value` gives parameters as they are written, in order, with names in lower case.
   `join_parameters` joins continuations, as IMAP shows them; `decode_parameters` decodes them for
   people.
3. The sections of a continuation may come in any order; `decode_parameters` stops at the first
   missing number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final, TypeAlias
from urllib.parse import unquote_to_bytes

from thurn_message.charset import decode_octets
from thurn_message.encodedword import decode_words
from thurn_message.limits import MAX_PARAMETERS

Parameters: TypeAlias = tuple[tuple[bytes, bytes], ...]

# parameter = attribute "=" value ; value = token / quoted-string (RFC 2045 §5.1)
_PARAMETER: Final = re.compile(
    rb""";\s*+([^\s=;"]++)\s*+=\s*+(?:"([^"\\]*+)"|"((?:[^"\\]|\\.)*+)"?|([^;\s"]*+))""", re.DOTALL
)
_PAIR: Final = re.compile(rb"\\(.)", re.DOTALL)
_OUTSIDE: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|\\.|\(', re.DOTALL)
_INSIDE: Final = re.compile(rb"\\.|[()]", re.DOTALL)
# initial-section / other-sections of RFC 2231 §7; more than three digits number no real section
_SECTION: Final = re.compile(r"([^*]+)(?:\*([0-9]{1,3}))?(\*)?")
_NUMBERED: Final = re.compile(rb"([^*]+)\*([0-9]{1,3})(\*)?")


def split_value(raw: bytes) -> tuple[bytes, Parameters]:
    """The text before the first semicolon, and the parameters after it as they are written.

    RFC 2045 §5.1, RFC 2183 §2.
    """
    if b"(" in raw:
        raw = strip_comments(raw)
    cut = raw.find(b";")
    if cut < 0:
        return raw.strip(), ()
    parameters = []
    for match in islice(_PARAMETER.finditer(raw, cut), MAX_PARAMETERS):
        name, quoted, escaped, token = match.groups()
        value = quoted
        if value is None:
            value = token if escaped is None else _PAIR.sub(rb"\1", escaped)
        if b"\n" in value:
            value = value.replace(b"\r\n", b"").replace(b"\n", b"")
        parameters.append((name.lower(), value))
    return raw[:cut].strip(), tuple(parameters)


def strip_comments(raw: bytes) -> bytes:
    """The value without its comments, however deep they nest; quoted strings stay whole.

    RFC 5322 §3.2.2.
    """
    kept = []
    start = position = depth = 0
    while (match := (_INSIDE if depth else _OUTSIDE).search(raw, position)) is not None:
        position = match.end()
        token = match[0]
        if token == b"(":
            if not depth:
                kept.append(raw[start : match.start()])
            depth += 1
        elif token == b")" and depth:
            depth -= 1
            start = position
    if not depth:
        kept.append(raw[start:])
    return b" ".join(kept)


def join_parameters(parameters: Parameters) -> Parameters:
    """The parameters, each continuation joined into one at the place of its first section.

    A continuation with an extended section stays extended, so that nothing is lost. A continuation
    whose numbers have a gap or come twice stays as it is.

    RFC 2231 §3, §4.1, §6 (servers should join them).
    """
    sections: dict[bytes, dict[int, tuple[bytes, bool]]] = {}
    broken: set[bytes] = set()
    for name, value in parameters:
        match = _NUMBERED.fullmatch(name)
        if match is not None:
            pieces = sections.setdefault(match[1], {})
            if int(match[2]) in pieces:
                broken.add(match[1])
            pieces[int(match[2])] = (value, match[3] is not None)
    whole = {
        base: pieces
        for base, pieces in sections.items()
        if base not in broken and max(pieces) == len(pieces) - 1
    }
    joined: dict[bytes, tuple[bytes, bytes]] = {}
    in_order: list[tuple[bytes, bytes]] = []
    for name, value in parameters:
        match = _NUMBERED.fullmatch(name)
        if match is None or match[1] not in whole:
            in_order.append((name, value))
        elif match[1] not in joined:
            joined[match[1]] = _joined(match[1], whole[match[1]])
            in_order.append(joined[match[1]])
    return tuple(in_order)


def _joined(base: bytes, pieces: dict[int, tuple[bytes, bool]]) -> tuple[bytes, bytes]:
    in_order = [pieces[number] for number in range(len(pieces))]
    if not any(extended for _, extended in in_order):
        return base, b"".join(value for value, _ in in_order)
    values = [value if extended else value.replace(b"%", b"%25") for value, extended in in_order]
    # Only the first section can name a charset; without one the parts are empty. RFC 2231 §4.1.
    prefix = b"" if in_order[0][1] else b"''"
    return base + b"*", prefix + b"".join(values)


def decode_parameters(parameters: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Names and values for people, with continuations joined and charsets decoded.

    The first parameter of a name counts, and the extended form (`name*`) wins over the plain one,
    as RFC 6266 §4.3 asks. Encoded words in a plain value are decoded too: RFC 2047 §5 forbids them
    there, but many agents write them.

    RFC 2231 §3, §4.
    """
    plain: dict[str, str] = {}
    sections: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for raw_name, value in parameters:
        match = _SECTION.fullmatch(raw_name.decode("ascii", "replace"))
        if match is None or (match[2] is None and match[3] is None):
            name = raw_name.decode("ascii", "replace")
            plain.setdefault(name, decode_words(value))
            continue
        number = int(match[2] or 0)
        sections.setdefault(match[1], {}).setdefault(number, (value, match[3] is not None))
    joined = {name: _join(pieces) for name, pieces in sections.items() if 0 in pieces}
    return plain | joined


def _join(pieces: dict[int, tuple[bytes, bool]]) -> str:
    charset = b""
    octets = []
    number = 0
    while number in pieces:
        value, extended = pieces[number]
        if extended:
            if number == 0 and value.count(b"'") >= 2:
                charset, _, value = value.split(b"'", 2)
            value = unquote_to_bytes(value)
        octets.append(value)
        number += 1
    return decode_octets(b"".join(octets), charset.decode("ascii", "replace"))
