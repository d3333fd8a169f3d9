"""Replies: what the server sends, as values and as octets; response codes.

Rules of this file:
1. The first line of a reply is printable ASCII of at most `REPLY_LINE_OCTETS`. What cannot be sent
   is replaced or cut and never raises: a text may come from a rule that somebody wrote.
2. The text after -ERR begins with "[" only for a response code. RFC 2449 §8.
3. Texts are for people: English, and without a word about the mail of others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from thurn_wire.pop3.limits import REPLY_LINE_OCTETS

_UNSENDABLE: Final = re.compile(r"[^ -~]")


class ResponseCode(StrEnum):
    """The reason of -ERR for programs. RFC 2449 §8.1, RFC 3206 §4."""

    LOGIN_DELAY = "LOGIN-DELAY"
    """The last login was too short a time ago. RFC 2449 §8.1.1."""
    IN_USE = "IN-USE"
    """The credentials are right, and another session has the maildrop. RFC 2449 §8.1.2."""
    SYSTEM_TEMPORARY = "SYS/TEMP"
    """An internal failure that is likely to pass. RFC 3206 §4."""
    SYSTEM_PERMANENT = "SYS/PERM"
    """An internal failure that needs a person. RFC 3206 §4."""
    AUTHENTICATION = "AUTH"
    """The credentials, or the way they were given, are the problem. RFC 3206 §4."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answers, without the lines behind the first.

    Attributes:
        is_positive: +OK; otherwise -ERR.
        text: for people.
        code: a response code, in upper case; only with -ERR.
    """

    is_positive: bool
    text: str = ""
    code: str | None = None

    def encode(self) -> bytes:
        """The line, with its CRLF."""
        if self.is_positive:
            return _line("+OK", self.text) if self.text else b"+OK\r\n"
        if self.code is not None:
            return _line(f"-ERR [{self.code}]", self.text)
        # RFC 2449 §8: with RESP-CODES announced "[" begins a code and nothing else.
        text = "(" + self.text[1:] if self.text.startswith("[") else self.text
        return _line("-ERR", text)


def ok(text: str = "") -> Reply:
    """+OK."""
    return Reply(True, text)


def error(text: str, code: ResponseCode | None = None) -> Reply:
    """-ERR."""
    return Reply(False, text, code)


class CommandError(Exception):
    """A command is refused with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


def refusal(text: str, code: ResponseCode | None = None) -> CommandError:
    """The error that is answered with -ERR."""
    return CommandError(error(text, code))


def _line(status: str, text: str) -> bytes:
    line = f"{status} {_UNSENDABLE.sub('?', text)}"
    return line[: REPLY_LINE_OCTETS - 2].encode("ascii") + b"\r\n"
