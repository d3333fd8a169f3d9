r"""Reads what stands in a server's response: words, numbers, strings, NIL and nested lists.

    value = NIL / number / atom / string / literal / literal8 / "(" [ value *( [SP] value ) ] ")"

Rules of this file:
1. An atom is str (flags with their backslash, `BODY[HEADER.FIELDS (DATE)]<0>` as one), a string or
   literal is bytes, NIL is None, a number is int, a list is a tuple.
2. Iterative, with bounds on depth, count and digits; a server is a stranger.
3. Spaces between lists may be missing, as they are in BODYSTRUCTURE.

RFC 9051 §9, RFC 3501 §9.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from thurn_wire.error import RemoteProtocolError
from thurn_wire.imap import limits

Value: TypeAlias = "int | str | bytes | tuple[Value, ...] | None"

_TOKEN: Final = re.compile(
    rb' +|([()])|"((?:[^"\\\r\n\0]|\\.)*)"|~?\{([0-9]{1,%d})\}\r\n'
    rb'|((?:BODY|BINARY|BINARY\.SIZE)\[[^\]\r\n]*\](?:<[0-9]{1,%d}>)?|[^\x00-\x20\x7f()"{]+)'
    % (limits.LITERAL_DIGITS, limits.NUMBER64_DIGITS),
    re.IGNORECASE,
)
_ESCAPE: Final = re.compile(rb"\\(.)")
_INTEGER_DIGITS: Final = limits.NUMBER64_DIGITS


def values(octets: bytes, position: int = 0) -> tuple[Value, ...]:
    """All values from the position to the end.

    Raises:
        RemoteProtocolError: they cannot be read, or pass a bound.
    """
    open_lists: list[list[Value]] = [[]]
    count = 0
    end = len(octets)
    while position < end:
        found = _TOKEN.match(octets, position)
        if found is None:
            raise RemoteProtocolError(f"a response that cannot be read at octet {position + 1}")
        position = found.end()
        count += 1
        if count > limits.RESPONSE_VALUES:
            raise RemoteProtocolError("a response with too many values")
        kind = found.lastindex
        if kind == 1:
            _bracket(open_lists, found[1])
        elif kind == 3:
            start, position = position, position + int(found[3])
            open_lists[-1].append(octets[start:position])
        elif kind is not None:
            open_lists[-1].append(_word(found[4]) if kind == 4 else _quoted(found[2]))
    if len(open_lists) != 1:
        raise RemoteProtocolError("a list that does not end")
    return tuple(open_lists[0])


def _bracket(open_lists: list[list[Value]], bracket: bytes) -> None:
    if bracket == b"(":
        if len(open_lists) > limits.NESTING:
            raise RemoteProtocolError("lists nested too deep")
        open_lists.append([])
    elif len(open_lists) == 1:
        raise RemoteProtocolError("a list that does not begin")
    else:
        whole = open_lists.pop()
        open_lists[-1].append(tuple(whole))


def _quoted(octets: bytes) -> bytes:
    return _ESCAPE.sub(rb"\1", octets) if b"\\" in octets else octets


def _word(octets: bytes) -> Value:
    # "007" is a name: a number has no zero in front.
    if (
        octets.isdigit()
        and len(octets) <= _INTEGER_DIGITS
        and (octets[:1] != b"0" or octets == b"0")
    ):
        return int(octets)
    if octets.upper() == b"NIL":
        return None
    return octets.decode("utf-8", "replace")


def number(value: Value) -> int:
    """The value, if it is a number.

    Raises:
        RemoteProtocolError: it is something else.
    """
    if not isinstance(value, int):
        raise RemoteProtocolError("a number is missing")
    return value


def text(value: Value) -> str:
    """The value, if it is a word or a string, as text.

    Raises:
        RemoteProtocolError: it is a list or NIL.
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str | int):
        return str(value)
    raise RemoteProtocolError("a word is missing")


def items(value: Value) -> tuple[Value, ...]:
    """The value, if it is a list.

    Raises:
        RemoteProtocolError: it is something else.
    """
    if not isinstance(value, tuple):
        raise RemoteProtocolError("a list is missing")
    return value


def words(value: Value) -> tuple[str, ...]:
    """The words of a list.

    Raises:
        RemoteProtocolError: it is no list of words.
    """
    return tuple(text(each) for each in items(value))


def octets(value: Value) -> bytes:
    """The octets of a word or string: what a name is decoded from.

    Raises:
        RemoteProtocolError: it is a list or NIL.
    """
    return value if isinstance(value, bytes) else text(value).encode("utf-8", "surrogateescape")
