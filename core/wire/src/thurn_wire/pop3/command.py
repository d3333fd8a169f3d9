"""The grammar of POP3 commands: a line in, a verb and its argument out.

Rules of this file:
1. One table has every verb with the shape of its argument; what does not fit is a `CommandError`.
2. Verbs are case-insensitive, one space divides verb and argument. RFC 1939 §3, RFC 2449 §4.
3. PASS keeps every octet after its first space: a password may begin and end with spaces.
4. No control octet passes. Octets over 127 pass in names and passwords only, and only as UTF-8.

    command = verb [SP argument] CRLF
    number  = 1*10DIGIT

This file knows no state and no socket.
"""

from __future__ import annotations

import binascii
import re
from enum import StrEnum
from typing import Final

from thurn_wire.pop3 import limits
from thurn_wire.pop3.reply import ResponseCode


class Verb(StrEnum):
    """The commands. RFC 1939 §9, RFC 2449 §5, RFC 2595 §4, RFC 5034 §4."""

    USER = "USER"
    PASS = "PASS"  # noqa: S105 - a command, not a password
    APOP = "APOP"
    AUTH = "AUTH"
    STLS = "STLS"
    CAPA = "CAPA"
    QUIT = "QUIT"
    STAT = "STAT"
    LIST = "LIST"
    RETR = "RETR"
    DELE = "DELE"
    NOOP = "NOOP"
    RSET = "RSET"
    TOP = "TOP"
    UIDL = "UIDL"


VERBS: Final[dict[bytes, Verb]] = {verb.value.encode(): verb for verb in Verb}

FOREIGN_VERBS: Final = frozenset(
    (
        b"GET",
        b"POST",
        b"PUT",
        b"HEAD",
        b"OPTIONS",
        b"CONNECT",
        b"DELETE",
        b"PATCH",
        b"TRACE",
        b"PRI",
    )
)
"""HTTP's: a browser was made to talk to us; nothing that follows may be read (ALPACA)."""

TLS_HANDSHAKE: Final = b"\x16"
"""The first octet of a TLS record of type handshake; no POP3 line begins with it. RFC 8446 §5.1."""

_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")
_MECHANISM: Final = re.compile(rb"[A-Z0-9_-]{1,%d}" % limits.MECHANISM_OCTETS)
_DIGEST: Final = re.compile(rb"[0-9a-f]{%d}" % limits.DIGEST_DIGITS)


class CommandError(Exception):
    """The command is refused; `str()` and `code` are fit for the reply."""

    def __init__(self, text: str, code: ResponseCode | None = None) -> None:
        super().__init__(text)
        self.code = code


def split(line: bytes) -> tuple[bytes, bytes]:
    """The verb in capitals and the argument; the argument is as it came."""
    verb, _, argument = line.partition(b" ")
    return verb.upper(), argument


def no_argument(argument: bytes) -> None:
    """Passes if there is none (spaces at the end of a line are forgiven).

    Raises:
        CommandError: there is one.
    """
    if argument.strip(b" "):
        raise CommandError("no argument is allowed")


def number(argument: bytes) -> int:
    """The one number that the argument is.

    Raises:
        CommandError: it is something else.
    """
    digits = argument.rstrip(b" ")
    if not digits.isdigit() or len(digits) > limits.NUMBER_DIGITS:
        raise CommandError("a message number is needed")
    return int(digits)


def optional_number(argument: bytes) -> int | None:
    """The number, or None if the argument is empty (LIST, UIDL).

    Raises:
        CommandError: it is something else.
    """
    return number(argument) if argument.strip(b" ") else None


def two_numbers(argument: bytes) -> tuple[int, int]:
    """TOP's message number and number of lines. RFC 1939 §7 (TOP).

    Raises:
        CommandError: it is something else.
    """
    first, _, second = argument.partition(b" ")
    try:
        return number(first), number(second)
    except CommandError:
        raise CommandError("a message number and a number of lines are needed") from None


def has_control(octets: bytes) -> bool:
    """Whether a control octet (a line end is one) is among them."""
    return _CONTROL.search(octets) is not None


def text(argument: bytes) -> str:
    """A name or password: one octet at least, no controls, UTF-8 (ASCII is).

    Raises:
        CommandError: it is something else.
    """
    if not argument:
        raise CommandError("an argument is needed")
    if has_control(argument):
        raise CommandError("control characters are not allowed")
    try:
        return argument.decode()
    except UnicodeDecodeError:
        raise CommandError("the argument is not UTF-8") from None


def digest(argument: bytes) -> tuple[str, str]:
    """APOP's name and digest; a name may hold spaces. RFC 1939 §7 (APOP).

    Raises:
        CommandError: it is something else.
    """
    name, _, hexadecimal = argument.rpartition(b" ")
    if not name or not _DIGEST.fullmatch(hexadecimal):
        raise CommandError("a name and a digest are needed")
    return text(name), hexadecimal.decode("ascii")


def mechanism(argument: bytes) -> tuple[str, bytes | None]:
    """AUTH's mechanism in capitals and its initial response, if it has one. RFC 5034 §4.

    Raises:
        CommandError: it is something else.
    """
    name, _, initial = argument.partition(b" ")
    name = name.upper()
    if not _MECHANISM.fullmatch(name):
        raise CommandError("a mechanism is needed")
    # RFC 5034 §4: "=" is an initial response of no octets.
    return name.decode("ascii"), (b"" if initial == b"=" else base64(initial)) if initial else None


def base64(octets: bytes) -> bytes:
    """The octets that this base64 text stands for; strict, so that one meaning remains.

    Raises:
        CommandError: it is not base64. RFC 5034 §4, RFC 4648 §4.
    """
    try:
        return binascii.a2b_base64(octets, strict_mode=True)
    except binascii.Error:
        raise CommandError("that is not base64") from None
