r"""The grammar of commands, both sides.

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
2. Everything is linear in the line, which is bounded.
3. What does not fit is a `CommandError` with its reply; nothing is guessed.

RFC 5321 §4.1, RFC 3030 §2, RFC 4954 §4, RFC 6531 §3.3.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from thurn_wire.smtp.error import LocalProtocolError
from thurn_wire.smtp.limits import CHUNK_OCTETS, INTEGER_DIGITS, MECHANISM_OCTETS, SIZE_DIGITS
from thurn_wire.smtp.reply import Reply

SPACE_AFTER_COLON: Final = True
"""One space between the colon and the path is tolerated: RFC 5321 §4.1.1.2 has none, but PHP
mailers, printers and scanners send it, and every large server takes it."""

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
_MECHANISM: Final = re.compile(rb"[A-Za-z0-9_-]{1,%d}" % MECHANISM_OCTETS)
_UNSENDABLE: Final = re.compile(rb"[\x00-\x1f\x7f]")

NO_PARAMETERS: Final[Mapping[str, str | None]] = MappingProxyType({})


class CommandError(Exception):
    """The command cannot be used; `reply` says why."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text[0])
        self.reply = reply


def refusal(code: int, enhanced: str, text: str) -> CommandError:
    """The error that is answered with this."""
    return CommandError(Reply(code, enhanced, (text,)))


def check_octets(argument: bytes, *, paths: bool) -> None:
    """Passes if no control is there, and nothing but ASCII unless `paths` (RFC 6531 §3.3).

    Raises:
        CommandError: 501.
    """
    if _UNSENDABLE.search(argument):
        raise refusal(501, "5.5.2", "Control in a command")
    if not paths and not argument.isascii():
        raise refusal(501, "5.5.2", "Not ASCII")


def no_argument(verb: str, argument: bytes) -> None:
    """Passes if there is none. RFC 5321 §4.3.2.

    Raises:
        CommandError: 501.
    """
    if argument:
        raise refusal(501, "5.5.4", f"{verb} takes no argument")


def path_and_parameters(argument: bytes, word: str) -> tuple[bytes, Mapping[str, str | None]]:
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
    """The slow way, for a path with quotes or backslashes: a `>` inside quotes does not end it."""
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
    raise refusal(
        501, "5.1.7" if word == "FROM" else "5.1.3", f"Syntax: {word}:<address> parameters"
    )


def parameters(octets: bytes) -> dict[str, str | None]:
    """The parameters of MAIL or RCPT: keyword in upper case to value.

    Raises:
        CommandError: 501 for what is no parameter, or one given twice.
    """
    found: dict[str, str | None] = {}
    for word in octets.split(b" "):
        if not word:
            continue
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise refusal(501, "5.5.4", "Syntax error in parameters")
        keyword = match[1].decode().upper()
        if keyword in found:
            raise refusal(501, "5.5.4", f"{keyword} given twice")
        try:
            found[keyword] = match[2].decode() if match[2] is not None else None
        except UnicodeDecodeError:
            raise refusal(501, "5.5.4", "Parameter is not UTF-8") from None
    return found


def number(octets: bytes) -> int | None:
    """What `1*20DIGIT` says; what passes 63 bits counts as 2^63 - 1; None if it is no number."""
    if not _DIGITS.fullmatch(octets):
        return None
    digits = octets.lstrip(b"0")
    if len(digits) > INTEGER_DIGITS:
        return CHUNK_OCTETS
    return min(int(digits or b"0"), CHUNK_OCTETS)


def chunk_size(argument: bytes) -> tuple[int, bool]:
    """Size and LAST of BDAT. RFC 3030 §2.

    Raises:
        CommandError: 501 for no size, words, signs, more than 63 bits.
    """
    size, _, last = argument.partition(b" ")
    octets = number(size)
    if octets is None or octets == CHUNK_OCTETS or last.upper() not in {b"", b"LAST"}:
        raise refusal(501, "5.5.4", "Syntax: BDAT size [LAST]")
    return octets, bool(last)


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
    # RFC 4954 §4: "=" stands for a response that is there and empty.
    return name.decode().upper(), b"" if initial == b"=" else base64(initial)


def base64(octets: bytes) -> bytes:
    """What the base64 stands for; strict. RFC 4954 §4, RFC 4648 §3.3.

    Raises:
        CommandError: 501 5.5.2.
    """
    try:
        return binascii.a2b_base64(octets, strict_mode=True)
    except binascii.Error:
        raise refusal(501, "5.5.2", "Not base64") from None


def encode_base64(octets: bytes) -> bytes:
    """One line of base64, without line end."""
    return binascii.b2a_base64(octets, newline=False)


def encode(text: str) -> bytes:
    """The octets of a word.

    Raises:
        LocalProtocolError: it has none (lone surrogates).
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise LocalProtocolError("text without octets") from None


def command(verb: str, *words: bytes) -> bytes:
    """The octets of a command.

    Raises:
        LocalProtocolError: a word holds a control: nobody may put a command into an argument.
    """
    line = b" ".join((verb.encode(), *words))
    if _UNSENDABLE.search(line):
        raise LocalProtocolError(f"{verb} with a control in its argument")
    return line + b"\r\n"


def path_command(
    verb: str, path: bytes | None, given: Mapping[str, str | None] = NO_PARAMETERS
) -> bytes:
    """The octets of MAIL or RCPT.

    Raises:
        LocalProtocolError: it would be read as something else: the path or a parameter does not
            come back as it is.
    """
    word = "FROM" if verb == "MAIL" else "TO"
    words = [
        encode(keyword if value is None else f"{keyword}={value}")
        for keyword, value in given.items()
    ]
    line = command(verb, word.encode() + b":<" + (path or b"") + b">", *words)
    try:
        read = path_and_parameters(line[5:-2], word)
    except CommandError as error:
        raise LocalProtocolError(f"{verb}: {error}") from None
    if read != (path or b"", {keyword.upper(): value for keyword, value in given.items()}):
        raise LocalProtocolError(f"{verb}: a path that is not one")
    return line
