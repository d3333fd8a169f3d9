r"""The grammar of commands: what the server reads.

    command    = verb [ SP argument ] *WSP CRLF
    MAIL       = "MAIL FROM:" [SP] ( "<" path ">" / "<>" ) *( SP esmtp-param )
    RCPT       = "RCPT TO:" [SP] "<" path ">" *( SP esmtp-param )
    esmtp-param   = esmtp-keyword [ "=" esmtp-value ]
    esmtp-keyword = ( ALPHA / DIGIT ) *( ALPHA / DIGIT / "-" )
    esmtp-value   = 1*( %d33-60 / %d62-126 / UTF8-non-ascii )
    BDAT       = "BDAT" SP 1*20DIGIT [ SP "LAST" ]
    AUTH       = "AUTH" SP mechanism [ SP ( base64 / "=" ) ]

Rules of this file:
1. A path is split off, not judged: `thurn_message.address` does that, and nobody else.
2. Everything takes time in proportion to the line, which is bounded.
3. What does not fit raises `CommandError` with its reply; nothing is guessed.

RFC 5321 §4.1, RFC 3030 §2, RFC 4954 §4, RFC 6531 §3.3.
"""

from __future__ import annotations

import re
from typing import Final

from thurn_wire import sasl
from thurn_wire.smtp.command import NO_PARAMETERS, Parameters
from thurn_wire.smtp.limits import CHUNK_OCTETS, INTEGER_DIGITS, SIZE_DIGITS
from thurn_wire.smtp.reply import refusal

SPACE_AFTER_COLON: Final = True
"""One space between the colon and the path is accepted. RFC 5321 §4.1.1.2 has none, but PHP
mailers, printers and scanners send it, and every large server accepts it."""

CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")
"""Octets that no command may hold."""

_SPACE: Final = " ?" if SPACE_AFTER_COLON else ""
_PATHS: Final = {
    word: re.compile(rf"{word}:{_SPACE}<([^\"\\>]*)>(?: +(.*))?".encode(), re.IGNORECASE)
    for word in ("FROM", "TO")
}
_QUOTED_PATHS: Final = {
    word: re.compile(rf"{word}:{_SPACE}<".encode(), re.IGNORECASE) for word in ("FROM", "TO")
}
_PATH_MARK: Final = re.compile(rb"[\"\\>]")
_PARAMETER: Final = re.compile(rb"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e\x80-\xff]+))?")
_DIGITS: Final = re.compile(rb"[0-9]{1,%d}" % SIZE_DIGITS)
_MECHANISM: Final = re.compile(rb"[A-Za-z0-9_-]{1,%d}" % sasl.MECHANISM_OCTETS)


def check_octets(argument: bytes, *, paths: bool) -> None:
    """Check that an argument holds no control octet, and is ASCII unless `paths`. RFC 6531 §3.3.

    Raises:
        CommandError: 501.
    """
    if CONTROL.search(argument):
        raise refusal(501, "5.5.2", "Control character in a command")
    if not paths and not argument.isascii():
        raise refusal(501, "5.5.2", "Not ASCII")


def no_argument(verb: str, argument: bytes) -> None:
    """Check that a command has no argument. RFC 5321 §4.3.2.

    Raises:
        CommandError: 501.
    """
    if argument:
        raise refusal(501, "5.5.4", f"{verb} takes no argument")


def path_and_parameters(argument: bytes, word: str) -> tuple[bytes, Parameters]:
    """The path of MAIL (`word` FROM) or RCPT (TO), and the parameters, not yet judged.

    Raises:
        CommandError: 501.
    """
    match = _PATHS[word].fullmatch(argument)
    if match is not None:
        path, rest = match.groups()
    else:
        path, rest = _quoted_path(argument, word)
    return path, parameters(rest) if rest else NO_PARAMETERS


def _quoted_path(argument: bytes, word: str) -> tuple[bytes, bytes]:
    """As `path_and_parameters`, slower, for paths with quotes or backslashes: a `>` in quotes does
    not end the path."""
    begin = _QUOTED_PATHS[word].match(argument)
    if begin is not None:
        start = position = begin.end()
        quoted = False
        while mark := _PATH_MARK.search(argument, position):
            position = mark.end()
            if mark[0] == b"\\":
                position += 1
            elif mark[0] == b'"':
                quoted = not quoted
            elif not quoted:
                rest = argument[position:]
                if rest and not rest.startswith(b" "):
                    break
                return argument[start : position - 1], rest.lstrip(b" ")
    enhanced = "5.1.7" if word == "FROM" else "5.1.3"
    raise refusal(501, enhanced, f"Syntax: {word}:<address> parameters")


def parameters(octets: bytes) -> dict[str, str | None]:
    """The parameters of MAIL or RCPT: keyword in upper case to value.

    Raises:
        CommandError: 501 for a word that is not a parameter, or a keyword given twice.
    """
    values: dict[str, str | None] = {}
    for word in octets.split(b" "):
        if not word:
            continue
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise refusal(501, "5.5.4", "Syntax error in parameters")
        keyword = match[1].decode().upper()
        if keyword in values:
            raise refusal(501, "5.5.4", f"{keyword} given twice")
        try:
            values[keyword] = match[2].decode() if match[2] is not None else None
        except UnicodeDecodeError:
            raise refusal(501, "5.5.4", "Parameter is not UTF-8") from None
    return values


def number(octets: bytes) -> int | None:
    """The value of `1*20DIGIT`, at most 2^63 - 1; None if the octets are not a number."""
    if not _DIGITS.fullmatch(octets):
        return None
    digits = octets.lstrip(b"0")
    if len(digits) > INTEGER_DIGITS:
        return CHUNK_OCTETS
    return min(int(digits or b"0"), CHUNK_OCTETS)


def chunk_size(argument: bytes) -> tuple[int | None, bool | None]:
    """The size of BDAT, and whether LAST follows. RFC 3030 §2.

    Returns:
        The size in octets; None if it is missing, not a number, or over 63 bits. And whether LAST
        follows; None if something else does.
    """
    size, _, marker = argument.partition(b" ")
    octets = number(size)
    is_last = bool(marker) if marker.upper() in {b"", b"LAST"} else None
    return None if octets == CHUNK_OCTETS else octets, is_last


def mechanism(argument: bytes) -> tuple[str, bytes | None]:
    """Mechanism (upper case) and initial response of AUTH. RFC 4954 §4.

    Raises:
        CommandError: 501.
    """
    name, space, initial = argument.partition(b" ")
    if not _MECHANISM.fullmatch(name):
        raise refusal(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]")
    if not space:
        return name.decode().upper(), None
    octets = sasl.decode_initial(initial)
    if octets is None:
        raise refusal(501, "5.5.2", "Not base64")
    return name.decode().upper(), octets


def response(line: bytes) -> bytes:
    """The client's response to a challenge. RFC 4954 §4.

    Raises:
        CommandError: 501.
    """
    octets = sasl.decode(line)
    if octets is None:
        raise refusal(501, "5.5.2", "Not base64")
    return octets
