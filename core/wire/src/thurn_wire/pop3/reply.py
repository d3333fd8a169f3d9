"""The first line of a reply, written and read; response codes.

Rules of this file:
1. A reply is one line of printable ASCII within `REPLY_OCTETS`; what cannot be sent is replaced or
   cut, never sent and never raised: a text may come from a rule that somebody wrote.
2. Text after -ERR begins with "[" only for a response code of the enum here. RFC 2449 §8.
3. What only means something to people is English and says nothing about others' mail.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from thurn_wire.pop3 import limits

_UNSENDABLE: Final = re.compile(r"[^ -~]")
_CODE: Final = re.compile(r"\[([^\[\]]{1,64})\] ?")

OK_LINE: Final = b"+OK\r\n"


class ResponseCode(Enum):
    """Why -ERR, for programs. RFC 2449 §8.1, RFC 3206 §4."""

    LOGIN_DELAY = "LOGIN-DELAY"
    """Logged in too soon after the last time. RFC 2449 §8.1.1."""
    IN_USE = "IN-USE"
    """Credentials are right, the maildrop is locked by another session. RFC 2449 §8.1.2."""
    SYSTEM_TEMPORARY = "SYS/TEMP"
    """Trouble of ours that is likely to pass. RFC 3206 §4."""
    SYSTEM_PERMANENT = "SYS/PERM"
    """Trouble of ours that needs a person. RFC 3206 §4."""
    AUTHENTICATION = "AUTH"
    """A problem with the credentials, or with the way they were given. RFC 3206 §4."""


def ok(text: str = "") -> bytes:
    """The line that says +OK."""
    return _line("+OK", text) if text else OK_LINE


def error(text: str, code: ResponseCode | None = None) -> bytes:
    """The line that says -ERR."""
    if text.startswith("["):
        # RFC 2449 §8: with RESP-CODES announced "[" begins a code and nothing else.
        text = "(" + text[1:]
    return _line("-ERR" if code is None else f"-ERR [{code.value}]", text)


def parse(line: bytes) -> tuple[bool, str, str | None] | None:
    """(whether +OK, text, response code) of a reply's first line; None if it is not one.

    Only -ERR has response codes. RFC 2449 §8.
    """
    status, _, rest = line.partition(b" ")
    text = rest.decode("utf-8", "replace")
    if status.upper() == b"+OK":
        return True, text, None
    if status.upper() != b"-ERR":
        return None
    code = _CODE.match(text)
    if code is None:
        return False, text, None
    return False, text[code.end() :], code[1].upper()


def _line(status: str, text: str) -> bytes:
    line = f"{status} {_UNSENDABLE.sub('?', text)}"
    return line[: limits.REPLY_OCTETS - 2].encode("ascii") + b"\r\n"
