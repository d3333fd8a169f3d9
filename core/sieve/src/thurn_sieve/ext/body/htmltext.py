"""Turns HTML into the text that a person would read, in one pass and linear time; never raises.

Rules of this file:
1. Block elements and line breaks separate words, other tags do not: `v<b>ia</b>gra` is one word.
2. Comments, scripts, styles and titles are not text. One that is never closed reaches to the end.
3. This is not a parser: a `>` ends a tag wherever it is. RFC 5173 §5.3 asks for a best effort.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

_NAME: Final = re.compile(r"<(/?[A-Za-z][A-Za-z0-9]{0,15})")
_BLOCK: Final = frozenset(
    "address article aside blockquote body br center dd div dl dt fieldset figure footer form h1 h2"  # noqa: SIM905
    " h3 h4 h5 h6 head header hr html li main nav ol option p pre section table tbody td tfoot th"
    " thead tr ul".split()
)
_HIDDEN: Final = {
    name: re.compile(f"</{name}[^>]*>?", re.IGNORECASE) for name in ("script", "style", "title")
}
_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
_HUGE: Final = re.compile(r"&#(?:[xX][0-9a-fA-F]{8,}|[0-9]{8,});?")
"""References with eight digits or more; no character has them, and Python does not convert numbers
of thousands of digits."""


def html_text(source: str) -> str:
    """The text of an HTML document, with its references resolved and its white space squeezed."""
    pieces: list[str] = []
    position = 0
    while (begin := source.find("<", position)) >= 0:
        pieces.append(source[position:begin])
        match = _NAME.match(source, begin)
        if match is not None:
            position, separates = _after_tag(source, begin, match[1].lower())
            if separates:
                pieces.append(" ")
        elif source.startswith(("<!", "<?"), begin):
            position = _after_declaration(source, begin)
        else:  # a less-than sign, as in "a < b"
            pieces.append("<")
            position = begin + 1
    pieces.append(source[position:])
    text = _HUGE.sub("\ufffd", "".join(pieces))
    if "&" in text:
        text = unescape(text)
    return _SPACE.sub(" ", text.replace("\xa0", " ")).strip()


def _after_tag(source: str, begin: int, name: str) -> tuple[int, bool]:
    """The offset of the text after a tag, and whether the tag separates words."""
    end = source.find(">", begin)
    if end < 0:
        return len(source), True
    hidden = _HIDDEN.get(name)
    if hidden is None:
        return end + 1, name.removeprefix("/") in _BLOCK
    match = hidden.search(source, end + 1)
    return (len(source) if match is None else match.end()), True


def _after_declaration(source: str, begin: int) -> int:
    closing = "-->" if source.startswith("<!--", begin) else ">"
    # The search starts after "<!", because "<!-->" is a whole comment.
    end = source.find(closing, begin + 2)
    return len(source) if end < 0 else end + len(closing)
