"""What a server answers, as the client reads it: the events of the client engine.

Rules of this file: a server is a stranger. What does not fit is a `RemoteProtocolError`; numbers
are bounded before int() sees them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from thurn_wire.error import RemoteProtocolError
from thurn_wire.event import Challenge
from thurn_wire.pop3.reply import Reply
from thurn_wire.pop3.state import Step

_CODE: Final = re.compile(r"\[([^\[\]]{1,64})\] ?")
_ROW: Final = re.compile(rb"([0-9]{1,10}) +([!-~]{1,512}) *")
_SIZE: Final = re.compile(rb"[0-9]{1,19}")
_STAT: Final = re.compile(r"([0-9]{1,10}) +([0-9]{1,19})(?: .*)?")


@dataclass(frozen=True, slots=True)
class Answered:
    """A command is answered.

    Attributes:
        step: the command; GREETED is the greeting.
        reply: the first line.
        body: the content of a multi-line reply, without the added dots.
    """

    step: Step
    reply: Reply
    body: bytes | None = field(default=None, repr=False)


Answer: TypeAlias = Answered | Challenge


def first_line(line: bytes) -> Reply | None:
    """The reply whose first line this is; None if it is not one.

    Only -ERR has response codes. RFC 2449 §8.
    """
    status, _, rest = line.partition(b" ")
    text = rest.decode("utf-8", "replace")
    if status.upper() == b"+OK":
        return Reply(True, text)
    if status.upper() != b"-ERR":
        return None
    code = _CODE.match(text)
    if code is None:
        return Reply(False, text)
    return Reply(False, text[code.end() :], code[1].upper())


def capabilities(body: bytes) -> dict[str, tuple[str, ...]]:
    """The answer to CAPA: names in upper case, each with its parameters. RFC 2449 §5."""
    names: dict[str, tuple[str, ...]] = {}
    for line in body.decode("ascii", "replace").split("\r\n"):
        name, *parameters = line.split()[:64] or [""]
        if name:
            names[name.upper()] = tuple(parameters)
    return names


def stat(text: str) -> tuple[int, int]:
    """The answer to STAT: number of messages and of octets. RFC 1939 §5.

    Raises:
        RemoteProtocolError: the text is something else.
    """
    match = _STAT.fullmatch(text)
    if match is None:
        raise RemoteProtocolError("STAT without numbers")
    return int(match[1]), int(match[2])


def sizes(body: bytes) -> dict[int, int]:
    """The answer to LIST: number to size. RFC 1939 §5.

    Raises:
        RemoteProtocolError: the body is something else.
    """
    rows = dict(_rows(body))
    if not all(map(_SIZE.fullmatch, rows.values())):
        raise RemoteProtocolError("LIST with a size that is not a number")
    return {number: int(size) for number, size in rows.items()}


def uids(body: bytes) -> dict[int, str]:
    """The answer to UIDL: number to unique-id; longer ones than RFC 1939 §7 allows are accepted.

    Raises:
        RemoteProtocolError: the body is something else.
    """
    return {number: uid.decode("ascii") for number, uid in _rows(body)}


def _rows(body: bytes) -> list[tuple[int, bytes]]:
    lines = body.split(b"\r\n")
    lines.pop()
    matches = [_ROW.fullmatch(line) for line in lines]
    rows = [(int(match[1]), match[2]) for match in matches if match is not None]
    if len(rows) != len(lines):
        raise RemoteProtocolError("a listing with a line that is not a row")
    return rows
