r"""The values in a server's response: words, numbers, strings, NIL and nested lists.

    value = NIL / number / atom / string / literal / literal8 / "(" [ value *( [SP] value ) ] ")"

Rules of this file:
1. An atom is str (flags with their backslash, `BODY[HEADER.FIELDS (DATE)]<0>` as one), a string or
   literal is bytes, NIL is None, a number is int, a list is a tuple.
2. Reading is iterative, with limits of depth, count and digits: a server is a stranger.
3. Spaces between lists may be missing, as in BODYSTRUCTURE.

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
        RemoteProtocolError: the octets are not values, or are over a limit.
    """
    open_lists: list[list[Value]] = [[]]
    count = 0
    end = len(octets)
    while position < end:
        token = _TOKEN.match(octets, position)
        if token is None:
            raise RemoteProtocolError(f"a response that cannot be read at octet {position + 1}")
        position = token.end()
        count += 1
        if count > limits.RESPONSE_VALUES:
            raise RemoteProtocolError("a response with too many values")
        kind = token.lastindex
        if kind == 1:
            _bracket(open_lists, token[1])
        elif kind == 3:
            start, position = position, position + int(token[3])
            open_lists[-1].append(octets[start:position])
        elif kind is not None:
            open_lists[-1].append(_word(token[4]) if kind == 4 else _quoted(token[2]))
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
    """The value as a number.

    Raises:
        RemoteProtocolError: it is not a number.
    """
    if not isinstance(value, int):
        raise RemoteProtocolError("a number is missing")
    return value


def text(value: Value) -> str:
    """A word or string as text.

    Raises:
        RemoteProtocolError: the value is a list or NIL.
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str | int):
        return str(value)
    raise RemoteProtocolError("a word is missing")


def items(value: Value) -> tuple[Value, ...]:
    """The values of a list.

    Raises:
        RemoteProtocolError: the value is not a list.
    """
    if not isinstance(value, tuple):
        raise RemoteProtocolError("a list is missing")
    return value


def words(value: Value) -> tuple[str, ...]:
    """The words of a list.

    Raises:
        RemoteProtocolError: the value is not a list of words.
    """
    return tuple(text(each) for each in items(value))


def octets(value: Value) -> bytes:
    """The octets of a word or string, for names that are decoded later.

    Raises:
        RemoteProtocolError: the value is a list or NIL.
    """
    return value if isinstance(value, bytes) else text(value).encode("utf-8", "surrogateescape")
