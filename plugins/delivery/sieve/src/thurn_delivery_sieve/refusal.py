"""A script's reason for a rejection as an SMTP reply: one line of ASCII, bounded.

RFC 5429 §2.1: the reason is told in the protocol, so that no report goes to a sender who may be
forged. What is not ASCII is written without its marks ("Grüße" is "Grusse"), for a client need not
read anything else in a reply (RFC 5321 §4.2).
"""

from __future__ import annotations

import unicodedata
from typing import Final

from thurn.plugin import Status

TEXT_CHARACTERS: Final = 400
"""RFC 5321 §4.5.3.1.5: a reply line has 512 octets with code and CRLF."""
_PLAIN: Final = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "ł": "l", "œ": "oe", "đ": "d"})


def refusal(reason: str) -> Status:
    """The status that the sender gets: permanent, with the script's reason."""
    text = unicodedata.normalize("NFKD", reason[: 4 * TEXT_CHARACTERS].translate(_PLAIN))
    ascii_only = "".join(
        character if character.isascii() else "?"
        for character in text
        if not unicodedata.combining(character)
    )
    words = "".join(one if one.isprintable() else " " for one in ascii_only).split()
    line = " ".join(words)[:TEXT_CHARACTERS].rstrip()
    # RFC 5429 §2.1.1: 5.7.1, delivery not authorized, message refused.
    return Status(550, "5.7.1", line or "The recipient refuses this message")
