"""The MAIL parameters that the engine knows: SIZE, BODY, SMTPUTF8, AUTH; and who knows the others.

Rules of this file: an unknown parameter is 555 5.5.4 (RFC 5321 §4.1.1.11), a known one with a value
that its RFC does not allow is 501 5.5.4; a size over the limit is 552 5.3.4 (RFC 1870 §6.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from typing import Final

from thurn_wire.smtp.command import number, refusal

_XTEXT: Final = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+", re.ASCII)  # RFC 3461 §4
_BODIES: Final = frozenset({"7BIT", "8BITMIME"})


def check_mail(
    given: Mapping[str, str | None], known: Set[str], size_limit_octets: int
) -> int | None:
    """The size that was declared.

    Raises:
        CommandError: see the head of this file.
    """
    check_known(given, known)
    size = given.get("SIZE")
    if "SMTPUTF8" in given and given["SMTPUTF8"] is not None:  # RFC 6531 §3.4: no value
        raise refusal(501, "5.5.4", "SMTPUTF8 has no value")
    if "BODY" in given and (given["BODY"] or "").upper() not in _BODIES:  # RFC 6152 §2
        raise refusal(501, "5.5.4", "BODY is 7BIT or 8BITMIME")
    if "AUTH" in given and not _XTEXT.fullmatch(given["AUTH"] or ""):  # RFC 4954 §5
        raise refusal(501, "5.5.4", "AUTH is not xtext")
    if "SIZE" not in given:
        return None
    octets = number((size or "").encode())
    if octets is None:
        raise refusal(501, "5.5.4", "SIZE is a number")
    if octets > size_limit_octets:
        raise refusal(552, "5.3.4", "Message too large")
    return octets


def check_known(given: Mapping[str, str | None], known: Set[str]) -> None:
    """Passes if all keywords are known.

    Raises:
        CommandError: 555.
    """
    for keyword in given:
        if keyword not in known:
            raise refusal(555, "5.5.4", f"Unknown parameter {keyword}")


def check_octets(
    path: bytes, given: Mapping[str, str | None], *, smtputf8: bool, enhanced: str
) -> None:
    """Passes if what is not ASCII may be there and is UTF-8. RFC 6531 §3.3, §3.5.

    Raises:
        CommandError: 553 5.6.7, or 501 for broken UTF-8.
    """
    plain = path.isascii() and all(value is None or value.isascii() for value in given.values())
    if plain:
        return
    if not smtputf8:
        raise refusal(553, "5.6.7", "Non-ASCII address without SMTPUTF8")
    try:
        path.decode()
    except UnicodeDecodeError:
        raise refusal(501, enhanced, "Address is not UTF-8") from None
