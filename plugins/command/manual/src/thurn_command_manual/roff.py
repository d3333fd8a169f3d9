"""The language of manual pages, as much of it as pages of commands need: man(7), in ASCII.

Rules of this file: text never becomes a request or a macro, whatever it begins with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_SPECIAL: Final[Mapping[str, str]] = {
    "\\": r"\e",
    "-": r"\-",
    "'": r"\(aq",
    '"': r"\(dq",
    "`": r"\(ga",
    "^": r"\(ha",
    "~": r"\(ti",
}
"""What would be drawn as another character, or read as something else than text."""
_CODE: Final = re.compile(r"`([^`\n]+)`")


def text(plain: str) -> str:
    """One line of text."""
    return _line(_escaped(plain))


def prose(plain: str) -> str:
    """One paragraph; what stands in grave accents is bold."""
    pieces = _CODE.split(" ".join(plain.split()))
    marked = (
        rf"\fB{_escaped(one)}\fP" if at % 2 else _escaped(one) for at, one in enumerate(pieces)
    )
    return _line("".join(marked))


def _escaped(plain: str) -> str:
    return "".join(_SPECIAL.get(one) or _ascii(one) for one in plain)


def _ascii(character: str) -> str:
    return character if character.isascii() else rf"\[u{ord(character):04X}]"


def _line(escaped: str) -> str:
    """A line that is not read as a request."""
    return rf"\&{escaped}" if escaped.startswith(".") else escaped


def heading(name: str) -> str:
    """The start of a section."""
    return f".SH {name}\n"


def paragraph(plain: str) -> str:
    """A paragraph of prose."""
    return f".PP\n{prose(plain)}\n"


def verbatim(lines: list[str]) -> str:
    """Lines as they are, indented."""
    inner = "".join(f"{text(line) or '.sp'}\n" for line in lines)
    return f".PP\n.RS 4\n.nf\n{inner}.fi\n.RE\n"


def item(term: str, plain: str) -> str:
    """A term in bold, and below it what it means."""
    return f".TP\n\\fB{text(term)}\\fP\n{prose(plain) or '.br'}\n"
