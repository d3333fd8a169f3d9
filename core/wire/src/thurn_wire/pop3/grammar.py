"""The grammar of commands: what the server reads.

Rules of this file:
1. Verbs are case-insensitive, and one space divides verb and argument. RFC 1939 §3, RFC 2449 §4.
2. PASS keeps every octet after its first space: a password may begin and end with spaces.
3. No control octet passes. Octets over 127 pass only in names and passwords, and only as UTF-8.
4. What does not fit raises `CommandError` with its reply.

    command = verb [SP argument] CRLF
    number  = 1*10DIGIT

This file knows no state and no socket.
"""

from __future__ import annotations

import re
from typing import Final

from thurn_wire import sasl
from thurn_wire.pop3 import limits
from thurn_wire.pop3.reply import CommandError, refusal
from thurn_wire.pop3.state import COMMANDS, Step

VERBS: Final[dict[bytes, Step]] = {step.value.encode(): step for step in COMMANDS}

_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")
_MECHANISM: Final = re.compile(rb"[A-Z0-9_-]{1,%d}" % sasl.MECHANISM_OCTETS)
_DIGEST: Final = re.compile(rb"[0-9a-f]{%d}" % limits.DIGEST_DIGITS)


def split(line: bytes) -> tuple[bytes, bytes]:
    """The verb in upper case, and the argument as it came."""
    verb, _, argument = line.partition(b" ")
    return verb.upper(), argument


def no_argument(argument: bytes) -> None:
    """Check that a command has no argument; spaces at the end of a line are tolerated.

    Raises:
        CommandError: it has one.
    """
    if argument.strip(b" "):
        raise refusal("no argument is allowed")


def number(argument: bytes) -> int:
    """The number that the argument is.

    Raises:
        CommandError: it is something else.
    """
    digits = argument.rstrip(b" ")
    if not digits.isdigit() or len(digits) > limits.NUMBER_DIGITS:
        raise refusal("a message number is needed")
    return int(digits)


def optional_number(argument: bytes) -> int | None:
    """The number that the argument is; None if it is empty (LIST, UIDL).

    Raises:
        CommandError: it is something else.
    """
    return number(argument) if argument.strip(b" ") else None


def two_numbers(argument: bytes) -> tuple[int, int]:
    """Message number and number of lines of TOP. RFC 1939 §7 (TOP).

    Raises:
        CommandError: the argument is something else.
    """
    first, _, second = argument.partition(b" ")
    try:
        return number(first), number(second)
    except CommandError:
        raise refusal("a message number and a number of lines are needed") from None


def has_control(octets: bytes) -> bool:
    """Whether a control octet, such as a line end, is among them."""
    return _CONTROL.search(octets) is not None


def text(argument: bytes) -> str:
    """A name or password: at least one octet, no controls, UTF-8.

    Raises:
        CommandError: the argument is something else.
    """
    if not argument:
        raise refusal("an argument is needed")
    if has_control(argument):
        raise refusal("control characters are not allowed")
    try:
        return argument.decode()
    except UnicodeDecodeError:
        raise refusal("the argument is not UTF-8") from None


def digest(argument: bytes) -> tuple[str, str]:
    """Name and digest of APOP; a name may hold spaces. RFC 1939 §7 (APOP).

    Raises:
        CommandError: the argument is something else.
    """
    name, _, hexadecimal = argument.rpartition(b" ")
    if not name or not _DIGEST.fullmatch(hexadecimal):
        raise refusal("a name and a digest are needed")
    return text(name), hexadecimal.decode("ascii")


def mechanism(argument: bytes) -> tuple[str, bytes | None]:
    """Mechanism (upper case) and initial response of AUTH. RFC 5034 §4.

    Raises:
        CommandError: the argument is something else.
    """
    name, _, initial = argument.partition(b" ")
    name = name.upper()
    if not _MECHANISM.fullmatch(name):
        raise refusal("a mechanism is needed")
    if not initial:
        return name.decode("ascii"), None
    octets = sasl.decode_initial(initial)
    if octets is None:
        raise refusal("that is not base64")
    return name.decode("ascii"), octets


def response(line: bytes) -> bytes:
    """The client's response to a challenge. RFC 5034 §4.

    Raises:
        CommandError: it is not base64.
    """
    octets = sasl.decode(line)
    if octets is None:
        raise refusal("that is not base64")
    return octets
