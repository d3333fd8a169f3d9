r"""The form of a transcript file, and its reader.

Rules of the form:
1. The first line says which rule is shown: `RFC 5321 §4.1.1.4: what is shown` (RFC, CVE or a word).
2. `C: text` the client sends this line; CRLF is implied.
   `C= text` the client sends exactly these octets; escapes: `\r \n \t \0 \\ \xHH` and
   `\{text*count}` for a repetition (the text may hold escapes, but no further repetition).
3. `S: text` the server sends exactly this line; CRLF is implied.
   `S~ pattern` the server sends one line that this regular expression matches whole.
   `S* pattern` the server sends any number of lines (none, too), each matched whole.
4. `X: verb argument` something other than octets happens (`eof`, `starttls`, `advance 300`).
   Four verbs belong to the runner: `X: set KEY VALUE` (before all else: goes to whoever makes the
   dialogue), `X: whole` (this file is not cut), `X: closed` (by now the server has closed),
   `X: turn` (the client has waited for the answers, as behind the EHLO of SMTP: RFC 2920 §3.1).
5. Empty lines and lines that begin with `#` say nothing.

This file knows no protocol.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KINDS: Final = ("C:", "C=", "S:", "S~", "S*", "X:")
_ESCAPES: Final = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}
_TOKEN: Final = re.compile(r"\\x([0-9A-Fa-f]{2})|\\([rnt0\\])|\\\{([^{}]*)\*(\d{1,7})\}|([^\\]+)")


class ScriptError(ValueError):
    """The file is not a transcript; says file and line."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a transcript.

    `octets` is set for `C` (what is sent) and `S:` (what is expected, CRLF included); `text` holds
    the pattern of `S~` and `S*`, and the verb with its argument of `X:`.
    """

    kind: str
    line: int
    text: str
    octets: bytes = b""


@dataclass(frozen=True, slots=True)
class Script:
    """A transcript: its title, its settings and its steps in order."""

    name: str
    title: str
    settings: Mapping[str, str]
    whole: bool
    steps: tuple[Step, ...]


def unescape(text: str) -> bytes:
    """The octets that a `C=` line stands for.

    Raises:
        ValueError: an escape that rule 2 does not know.
    """
    octets, position = [], 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise ValueError(f"unknown escape: {text[position : position + 8]}")
        code, letter, repeated, count, plain = token.groups()
        if code:
            octets.append(bytes([int(code, 16)]))
        elif letter:
            octets.append(_ESCAPES[letter])
        elif repeated is not None:
            octets.append(unescape(repeated) * int(count))
        else:
            octets.append(plain.encode())
        position = token.end()
    return b"".join(octets)


def parse(text: str, name: str = "transcript") -> Script:
    """The transcript that this text holds.

    Raises:
        ScriptError: a line of no known kind, an unknown escape, a wrong pattern.
    """
    lines = text.splitlines()
    if not lines or not lines[0].strip() or lines[0][:2] in KINDS:
        raise ScriptError(f"{name}:1: the first line must say which rule is shown")
    steps: list[Step] = []
    settings: dict[str, str] = {}
    whole = False
    for number, line in enumerate(lines[1:], 2):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            step = _step(line, number)
        except (ValueError, re.error) as error:
            raise ScriptError(f"{name}:{number}: {error}") from None
        if step.kind == "X:" and step.text == "whole":
            whole = True
        elif step.kind == "X:" and step.text.startswith("set "):
            if steps:
                raise ScriptError(f"{name}:{number}: X: set comes before everything else")
            key, _, value = step.text[4:].strip().partition(" ")
            settings[key] = value.strip()
        else:
            steps.append(step)
    return Script(name, lines[0].strip().lstrip("# "), settings, whole, tuple(steps))


def load(path: Path) -> Script:
    """The transcript in this file; `name` is the file's name without its ending."""
    return parse(path.read_text(encoding="utf-8"), path.stem)


def _step(line: str, number: int) -> Step:
    kind, text = line[:2], line[3:] if line[2:3] == " " else line[2:]
    match kind:
        case "C:" | "S:":
            return Step(kind, number, text, text.encode() + b"\r\n")
        case "C=":
            return Step(kind, number, text, unescape(text))
        case "S~" | "S*":
            re.compile(text)
            return Step(kind, number, text)
        case "X:":
            return Step(kind, number, text.strip())
    raise ValueError(f"expected one of {' '.join(KINDS)}")
