"""What the answers of a server say: capabilities, sizes, unique-ids.

Rules of this file: a server is a stranger; what does not fit is a `RemoteProtocolError`, numbers
are bounded before int() sees them.
"""

from __future__ import annotations

import re
from typing import Final

from thurn_wire.pop3.error import RemoteProtocolError

_ROW: Final = re.compile(rb"([0-9]{1,10}) +([!-~]{1,512}) *")
_SIZE: Final = re.compile(rb"[0-9]{1,19}")
_STAT: Final = re.compile(r"([0-9]{1,10}) +([0-9]{1,19})(?: .*)?")


def capabilities(body: bytes) -> dict[str, tuple[str, ...]]:
    """CAPA's answer: names in capitals, each with its parameters. RFC 2449 §5."""
    found: dict[str, tuple[str, ...]] = {}
    for line in body.decode("ascii", "replace").split("\r\n"):
        name, *parameters = line.split()[:64] or [""]
        if name:
            found[name.upper()] = tuple(parameters)
    return found


def stat(text: str) -> tuple[int, int]:
    """STAT's number of messages and of octets. RFC 1939 §5.

    Raises:
        RemoteProtocolError: it is something else.
    """
    found = _STAT.fullmatch(text)
    if found is None:
        raise RemoteProtocolError("STAT without numbers")
    return int(found[1]), int(found[2])


def sizes(body: bytes) -> dict[int, int]:
    """LIST's answer: number to size. RFC 1939 §5.

    Raises:
        RemoteProtocolError: it is something else.
    """
    found = dict(_rows(body))
    if not all(map(_SIZE.fullmatch, found.values())):
        raise RemoteProtocolError("LIST with a size that is no number")
    return {number: int(size) for number, size in found.items()}


def uids(body: bytes) -> dict[int, str]:
    """UIDL's answer: number to unique-id (longer ones than RFC 1939 §7 allows are taken).

    Raises:
        RemoteProtocolError: it is something else.
    """
    return {number: uid.decode("ascii") for number, uid in _rows(body)}


def _rows(body: bytes) -> list[tuple[int, bytes]]:
    lines = body.split(b"\r\n")
    lines.pop()
    rows = [_ROW.fullmatch(line) for line in lines]
    found = [(int(row[1]), row[2]) for row in rows if row is not None]
    if len(found) != len(lines):
        raise RemoteProtocolError("a listing with a line that is none")
    return found
