"""The reply for a script's rejection: its reason as one line of ASCII, at most 400 characters.

The reason is in the reply, so that no report goes to a sender whose address may be forged (RFC 5429
§2.1). Letters outside of ASCII lose their marks ("Grüße" becomes "Grusse"), because a client need
not understand them in a reply (RFC 5321 §4.2).
"""

from __future__ import annotations

import unicodedata
from typing import Final

from thurn.plugin import Status

TEXT_CHARACTERS: Final = 400
"""Characters of the reason in a reply; a line of a reply has 512 octets with its code and CRLF (RFC
5321 §4.5.3.1.5)."""
_PLAIN: Final = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "ł": "l", "œ": "oe", "đ": "d"})


def refusal(reason: str) -> Status:
    """The permanent status that the peer gets, with the script's reason."""
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
