"""The MAIL parameters that the engine knows: SIZE, BODY, SMTPUTF8, AUTH; and which others pass.

Rules of this file: an unknown parameter is 555 5.5.4 (RFC 5321 §4.1.1.11), a known one with a value
that its RFC does not allow is 501 5.5.4, and a size over the limit is 552 5.3.4 (RFC 1870 §6.1).
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Final

from thurn_wire.smtp.command import Parameters
from thurn_wire.smtp.grammar import number
from thurn_wire.smtp.own_reply import TOO_LARGE
from thurn_wire.smtp.reply import CommandError, refusal

_XTEXT: Final = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+", re.ASCII)  # RFC 3461 §4
_BODIES: Final = frozenset({"7BIT", "8BITMIME"})


def check_mail(parameters: Parameters, known: Set[str], size_limit_octets: int) -> None:
    """Check the parameters of MAIL.

    Args:
        parameters: as they were given.
        known: the keywords that are offered.
        size_limit_octets: the largest size that may be declared.

    Raises:
        CommandError: see the head of this file.
    """
    check_known(parameters, known)
    if "SMTPUTF8" in parameters and parameters["SMTPUTF8"] is not None:  # RFC 6531 §3.4: no value
        raise refusal(501, "5.5.4", "SMTPUTF8 has no value")
    if "BODY" in parameters and (parameters["BODY"] or "").upper() not in _BODIES:  # RFC 6152 §2
        raise refusal(501, "5.5.4", "BODY is 7BIT or 8BITMIME")
    if "AUTH" in parameters and not _XTEXT.fullmatch(parameters["AUTH"] or ""):  # RFC 4954 §5
        raise refusal(501, "5.5.4", "AUTH is not xtext")
    if "SIZE" in parameters:
        size_octets = number((parameters["SIZE"] or "").encode())
        if size_octets is None:
            raise refusal(501, "5.5.4", "SIZE is a number")
        if size_octets > size_limit_octets:
            raise CommandError(TOO_LARGE)


def check_known(parameters: Parameters, known: Set[str]) -> None:
    """Check that all keywords are offered.

    Raises:
        CommandError: 555.
    """
    for keyword in parameters:
        if keyword not in known:
            raise refusal(555, "5.5.4", f"Unknown parameter {keyword}")


def check_unicode(path: bytes, parameters: Parameters, *, smtputf8: bool, enhanced: str) -> None:
    """Check that octets over 127 are allowed here, and that the path is UTF-8. RFC 6531 §3.3, §3.5.

    Args:
        path: the path.
        parameters: its parameters.
        smtputf8: the transaction has SMTPUTF8.
        enhanced: the enhanced code for a path that is not UTF-8.

    Raises:
        CommandError: 553 5.6.7, or 501 for a path that is not UTF-8.
    """
    if path.isascii() and all(value is None or value.isascii() for value in parameters.values()):
        return
    if not smtputf8:
        raise refusal(553, "5.6.7", "Non-ASCII address without SMTPUTF8")
    try:
        path.decode()
    except UnicodeDecodeError:
        raise refusal(501, enhanced, "Address is not UTF-8") from None
