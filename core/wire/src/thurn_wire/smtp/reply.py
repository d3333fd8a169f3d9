"""Replies: one type for both sides, its octets, and a bounded reader for the client.

    Reply-line = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
    enhanced   = ( "2" / "4" / "5" ) "." 1*3DIGIT "." 1*3DIGIT      ; RFC 2034 §4

Rules of this file:
1. No text gets a CR, LF or other control out, nor anything but ASCII; no line passes 512 octets.
2. The enhanced code's class is the reply's. RFC 2034 §4.
3. The reader takes what servers send, within bounds; what is no reply is an error, not a guess.

RFC 5321 §4.2.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final

from thurn_wire.linebuffer import LineBuffer, LineError, LineNeverEnds
from thurn_wire.smtp.error import LocalProtocolError, RemoteProtocolError
from thurn_wire.smtp.limits import REPLY_LINE_OCTETS, REPLY_LINE_TAKEN_OCTETS, REPLY_LINES

_ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}", re.ASCII)
_LINE: Final = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_PRINTABLE: Final = dict.fromkeys((*range(32), *range(127, 160)), "?")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answers.

    Attributes:
        code: 200 to 599.
        enhanced: RFC 3463 status such as "2.1.5"; None where RFC 2034 §4 wants none (greeting,
            EHLO and HELO, 3xx).
        text: the lines, without codes.
    """

    code: int
    enhanced: str | None = None
    text: tuple[str, ...] = ("",)

    def __post_init__(self) -> None:
        if not 200 <= self.code <= 599 or not self.text:
            raise LocalProtocolError(f"not a reply: {self.code} {self.text!r}")
        if self.enhanced is not None and (
            not _ENHANCED.fullmatch(self.enhanced) or self.enhanced[0] != str(self.code)[0]
        ):
            raise LocalProtocolError(f"{self.enhanced!r} does not suit {self.code}")

    @property
    def is_positive(self) -> bool:
        """2xx or 3xx."""
        return self.code < 400

    def encode(self) -> bytes:
        """The octets, CRLF at each line's end."""
        return _encode(self.code, self.enhanced, self.text)


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


class ReplyReader:
    """Whole replies out of a line buffer; for the client."""

    __slots__ = ("_code", "_texts")

    def __init__(self) -> None:
        self._code = 0
        self._texts: list[str] = []

    def next_reply(self, lines: LineBuffer) -> Reply | None:
        """The next reply, or None if it has not all come.

        Raises:
            RemoteProtocolError: what came is no reply, too long, or of two minds about its code.
        """
        while True:
            try:
                line = lines.next_line(REPLY_LINE_TAKEN_OCTETS)
            except (LineError, LineNeverEnds) as error:
                raise RemoteProtocolError(f"reply line: {type(error).__name__}") from None
            if line is None:
                return None
            match = _LINE.fullmatch(line)
            if match is None:
                raise RemoteProtocolError("not a reply")
            code = int(match[1])
            if self._texts and code != self._code:  # RFC 5321 §4.2.1: the same on every line
                raise RemoteProtocolError("reply with two codes")
            if len(self._texts) == REPLY_LINES:
                raise RemoteProtocolError("reply with too many lines")
            self._code = code
            self._texts.append((match[3] or b"").decode("utf-8", "replace"))
            if match[2] != b"-":
                texts, self._texts = self._texts, []
                return _of_lines(code, texts)


def _of_lines(code: int, texts: list[str]) -> Reply:
    """The reply with the enhanced code, if every line begins with the same, taken out."""
    enhanced, _, _ = texts[0].partition(" ")
    if _ENHANCED.fullmatch(enhanced) and enhanced[0] == str(code)[0]:
        width = len(enhanced)
        if all(text == enhanced or text.startswith(enhanced + " ") for text in texts):
            return Reply(code, enhanced, tuple(text[width + 1 :] for text in texts))
    return Reply(code, None, tuple(texts))
