"""The lines of a SASL exchange, which SMTP, POP3 and IMAP write alike: base64, or "*" to cancel.

Rules of this file: base64 is read strictly, so that one meaning has one spelling. RFC 4648 §3.3.

RFC 4954 §4, RFC 5034 §4, RFC 9051 §6.2.2.
"""

from __future__ import annotations

import binascii
from typing import Final

LINE_OCTETS: Final = 12_288
"""Octets of one line of an exchange with its CRLF, and of the command with its initial response:
tickets and tokens are long. RFC 4954 §4 requires exactly this; POP3 and IMAP name no number."""

MECHANISM_OCTETS: Final = 20
"""Octets of a mechanism's name. RFC 4422 §3.1."""

CANCEL: Final = b"*"
"""The line by which a client ends an exchange."""

EMPTY: Final = b"="
"""How a command writes an initial response without octets. RFC 4954 §4, RFC 4959 §3."""


def decode(octets: bytes) -> bytes | None:
    """The octets that this base64 text stands for; None if it is not base64.

    RFC 4648 §3.2, §3.3: exactly the padding that the octets need, and no other characters.
    """
    try:
        decoded = binascii.a2b_base64(octets, strict_mode=True)
    except binascii.Error:
        return None
    # The strict mode of Python 3.11 lets any number of "=" follow a whole group of four.
    return decoded if octets.count(b"=") == -len(decoded) % 3 else None


def encode(octets: bytes) -> bytes:
    """The octets as one line of base64, without CRLF."""
    return binascii.b2a_base64(octets, newline=False)


def decode_initial(octets: bytes) -> bytes | None:
    """The initial response that a command carries; None if it is not base64."""
    return b"" if octets == EMPTY else decode(octets)


def encode_initial(octets: bytes) -> bytes:
    """An initial response as a command carries it."""
    return encode(octets) or EMPTY
