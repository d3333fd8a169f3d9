"""What a server answers, as the client reads it: the events of the client engine.

    ehlo-line = ehlo-keyword *( SP ehlo-param )      ; RFC 5321 §4.1.1.1

Rules of this file: a server is a stranger. The reader takes what servers send, within bounds; what
is not a reply is an error and is not guessed.

RFC 5321 §4.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from thurn_wire.error import RemoteProtocolError
from thurn_wire.event import Challenge
from thurn_wire.linebuffer import LineBuffer, LineError, LineNeverEnds
from thurn_wire.smtp.limits import REPLY_LINE_READ_OCTETS, REPLY_LINES
from thurn_wire.smtp.reply import ENHANCED, Reply
from thurn_wire.smtp.state import Step

_LINE: Final = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answered:
    """A command is answered.

    Attributes:
        step: the command; GREETED is the greeting, MESSAGE_ENDED the end of content, STOPPED a 421
            that answers nothing.
        reply: what the server sent.
        path: the recipient that the reply is about: after RCPT, and after content in LMTP.
    """

    step: Step
    reply: Reply
    path: bytes | None = None


Answer: TypeAlias = Answered | Challenge


class ReplyReader:
    """Reads whole replies from a line buffer."""

    __slots__ = ("_code", "_texts")

    def __init__(self) -> None:
        self._code = 0
        self._texts: list[str] = []

    def next_reply(self, lines: LineBuffer) -> Reply | None:
        """The next reply, or None if it has not all come.

        Raises:
            RemoteProtocolError: what came is not a reply, is too long, or has two codes.
        """
        while True:
            try:
                line = lines.next_line(REPLY_LINE_READ_OCTETS)
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
    """The reply; an enhanced code that begins every line is taken out of the text."""
    enhanced, _, _ = texts[0].partition(" ")
    if ENHANCED.fullmatch(enhanced) and enhanced[0] == str(code)[0]:
        width = len(enhanced)
        if all(text == enhanced or text.startswith(enhanced + " ") for text in texts):
            return Reply(code, enhanced, tuple(text[width + 1 :] for text in texts))
    return Reply(code, None, tuple(texts))


def capabilities(lines: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Keyword in upper case to parameters, from the lines of an answer to EHLO after the first.

    The first line of a keyword counts. Old servers send `AUTH=LOGIN`; that is read as `AUTH LOGIN`.
    """
    keywords: dict[str, tuple[str, ...]] = {}
    for line in lines:
        words = line.split()
        if words and words[0][:5].upper() == "AUTH=":
            words[0:1] = ["AUTH", words[0][5:]]
        if words:
            keywords.setdefault(words[0].upper(), tuple(words[1:]))
    return keywords
