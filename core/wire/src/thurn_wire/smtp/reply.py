"""Replies: what the server sends, as values and as octets.

    Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
    enhanced   = ( "2" / "4" / "5" ) "." 1*3DIGIT "." 1*3DIGIT      ; RFC 2034 §4

Rules of this file:
1. No text puts a CR, LF or other control octet on the wire, nor anything but ASCII; no line has
   more than 512 octets.
2. The class of the enhanced code is the class of the reply. RFC 2034 §4.

RFC 5321 §4.2.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final

from thurn_wire.error import LocalProtocolError
from thurn_wire.smtp.limits import REPLY_LINE_OCTETS, REPLY_LINES

ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}", re.ASCII)
"""An enhanced code. RFC 2034 §4."""

_PRINTABLE: Final = dict.fromkeys((*range(32), *range(127, 160)), "?")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answers.

    Attributes:
        code: 200 to 599.
        enhanced: a status of RFC 3463 such as "2.1.5"; None in replies that have none by RFC 2034
            §4: greeting, answers to EHLO and HELO, 3xx.
        text: the lines, without codes.
    """

    code: int
    enhanced: str | None = None
    text: tuple[str, ...] = ("",)

    def __post_init__(self) -> None:
        if not 200 <= self.code <= 599 or not self.text:
            raise LocalProtocolError(f"not a reply: {self.code} {self.text!r}")
        if self.enhanced is not None and (
            not ENHANCED.fullmatch(self.enhanced) or self.enhanced[0] != str(self.code)[0]
        ):
            raise LocalProtocolError(f"{self.enhanced!r} does not suit {self.code}")

    @property
    def is_positive(self) -> bool:
        """Whether the code is 2xx or 3xx."""
        return self.code < 400

    def encode(self) -> bytes:
        """The octets, with CRLF at the end of each line."""
        return _encode(self.code, self.enhanced, self.text)


class CommandError(Exception):
    """A command is refused with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text[0])
        self.reply = reply


def refusal(code: int, enhanced: str, text: str) -> CommandError:
    """The error that is answered with this reply."""
    return CommandError(Reply(code, enhanced, (text,)))


@functools.lru_cache(maxsize=128)  # most replies are a handful of constants
def _encode(code: int, enhanced: str | None, text: tuple[str, ...]) -> bytes:
    prefix = f"{enhanced} " if enhanced else ""
    *first, last = text[:REPLY_LINES]
    lines = [_line(f"{code}-{prefix}{line}") for line in first]
    return b"".join([*lines, _line(f"{code} {prefix}{last}")])


def _line(text: str) -> bytes:
    if not (text.isascii() and text.isprintable()):
        text = text.translate(_PRINTABLE)
    # RFC 5321 §4.5.3.1.5
    return text.encode("ascii", "replace")[: REPLY_LINE_OCTETS - 2].rstrip(b" ") + b"\r\n"
