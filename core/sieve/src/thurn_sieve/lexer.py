"""Turns the octets of a script into tokens. RFC 5228 §8.1.

Rules of this file:
1. Every token is one match of one pattern, except comments and multi-line strings, whose end is
   found by a search. Reading takes linear time.
2. Lines end in CRLF or LF; both become CRLF inside strings.
3. Text that is not a token becomes an error token; the parser reports it and goes on.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple

from thurn_sieve.limits import Limits

# identifier = (ALPHA / "_") *(ALPHA / DIGIT / "_") ; tag = ":" identifier
# number = 1*DIGIT [QUANTIFIER] ; quoted-string = DQUOTE quoted-text DQUOTE
_TOKEN: Final = re.compile(
    r"(?P<blank>[ \t\r\n]++|\#[^\n]*+)"
    r"|(?P<multi>[Tt][Ee][Xx][Tt]:[ \t]*+(?:\#[^\n]*+)?\r?\n)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*+)"
    r"|:(?P<tag>[A-Za-z_][A-Za-z0-9_]*+)"
    r'|"(?P<quoted>(?:[^"\\]++|\\.)*+)"'
    r"|(?P<number>[0-9]++)(?P<unit>[KMGkmg])?(?![A-Za-z0-9_])"
    r"|(?P<mark>[\[\](){},;])"
    r"|(?P<comment>/\*)"
    r'|(?P<quote>")'
    r"|(?P<bad>[0-9]++[A-Za-z0-9_]++|[^\x00-\x20\[\](){},;\"]++|.)",
    re.DOTALL,
)
_MULTI_END: Final = re.compile(r"^\.\r?(?:\n|\Z)", re.MULTILINE)
_STUFFED: Final = re.compile(r"^\.\.", re.MULTILINE)
_BARE_LF: Final = re.compile(r"(?<!\r)\n")
_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_OPEN: Final = frozenset({"comment", "multi", "quote"})
_UNITS: Final = {"": 0, "k": 10, "m": 20, "g": 30}


class Token(NamedTuple):
    """One token.

    Attributes:
        kind: `word`, `tag`, `text`, `number`, `error`, `end`, or the punctuation mark itself.
        value: the text of a word or tag (in lower case) or of a string; the message of an error.
        number: the value of a number; 0 for every other kind.
        start: the offset of its first character in the script.
        code: the code of an error's diagnostic; empty for every other kind.
    """

    kind: str
    value: str
    number: int
    start: int
    code: str = ""


class Lines:
    """Turns offsets into lines and columns."""

    __slots__ = ("_starts",)

    def __init__(self, source: str) -> None:
        self._starts = [0]
        self._starts += [match.end() for match in re.finditer("\n", source)]

    def place(self, offset: int) -> tuple[int, int]:
        """The line and the column of an offset, both counted from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


def read_source(source: bytes | str) -> tuple[str, int | None]:
    """The text without its byte order mark, and the offset of the first mistake in its UTF-8.

    The offset is None if there is no mistake.

    RFC 5228 §2.1.
    """
    if isinstance(source, str):
        text, bad = source, None
        if not source.isascii():
            # A lone surrogate is not a Unicode character and could not be encoded again.
            text = source.encode("utf-8", "replace").decode()
            bad = next((i for i, c in enumerate(source) if "\ud800" <= c <= "\udfff"), None)
    else:
        try:
            text, bad = source.decode(), None
        except UnicodeDecodeError as error:
            text = source.decode(errors="replace")
            bad = len(source[: error.start].decode(errors="replace"))
    return text.removeprefix("\ufeff"), bad


def tokens(source: str, limits: Limits) -> Iterator[Token]:
    """The tokens of a script; the last one is an `end` token."""
    position, match_token = 0, _TOKEN.match
    while (match := match_token(source, position)) is not None:
        start, position = position, match.end()
        kind = match.lastgroup or ""
        if kind == "blank":
            continue
        if kind == "word":
            yield Token("word", match["word"].lower(), 0, start)
        elif kind == "mark":
            yield Token(match["mark"], "", 0, start)
        elif kind in _OPEN:
            token, position = _with_end(match, source, start)
            if token is not None:
                yield token
            if position < 0:
                break
        else:
            yield _matched(match, kind, start, limits)
    yield Token("end", "", 0, len(source))


def _matched(match: re.Match[str], kind: str, start: int, limits: Limits) -> Token:
    """A token that the pattern matches as a whole."""
    if kind == "quoted":
        return Token("text", _unquote(match["quoted"]), 0, start)
    if kind == "tag":
        return Token("tag", match["tag"].lower(), 0, start)
    if kind == "bad":
        shown = ascii(match["bad"][:20])[1:-1]
        return Token("error", f"unexpected characters {shown}", 0, start, "syntax")
    return _number(match, start, limits)


def _with_end(match: re.Match[str], source: str, start: int) -> tuple[Token | None, int]:
    """A token whose end has to be searched for, and the offset after it; -1 if there is no end.

    The token of a comment is None.
    """
    kind = match.lastgroup
    if kind == "comment":
        end = source.find("*/", match.end())
        if end >= 0:
            return None, end + 2
        return Token("error", "this comment is never closed", 0, start, "unterminated-comment"), -1
    if kind == "multi":
        last_line = _MULTI_END.search(source, match.end())
        if last_line is not None:
            text = _unstuff(source[match.end() : last_line.start()])
            return Token("text", text, 0, start), last_line.end()
        message = 'this text has no line "." at its end'
        return Token("error", message, 0, start, "unterminated-string"), -1
    return Token("error", "this string is never closed", 0, start, "unterminated-string"), -1


def _unquote(text: str) -> str:
    # RFC 5228 §2.4.2: a backslash before any other character is ignored.
    if "\\" in text:
        text = _PAIR.sub(r"\1", text)
    return _BARE_LF.sub("\r\n", text) if "\n" in text else text


def _unstuff(text: str) -> str:
    # RFC 5228 §2.4.2: two dots at the start of a line become one; a single dot stays.
    return _BARE_LF.sub("\r\n", _STUFFED.sub(".", text))


def _number(match: re.Match[str], start: int, limits: Limits) -> Token:
    digits = match["number"].lstrip("0")
    shift = _UNITS[(match["unit"] or "").lower()]
    if len(digits) <= len(str(limits.number)):  # thousands of digits would take long to convert
        value = int(digits or "0") << shift
        if value <= limits.number:
            return Token("number", "", value, start)
    message = f"this number is above {limits.number}"
    return Token("error", message, 0, start, "number-too-large")
