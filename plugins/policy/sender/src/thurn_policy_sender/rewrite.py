"""Puts the account's own address into a header that names somebody else.

Rules of this file:
1. From becomes the own address, the old value is kept in X-Original-From, and a Sender is removed.
   If only the Sender is wrong, it becomes the own address and From stays.
2. The display name stays if it shows no address.
3. Resent fields cannot be rewritten honestly, and an account without an ASCII address has none to
   put there; such messages are refused.
"""

from __future__ import annotations

from typing import Final

from thurn.plugin import AccountRecord, Edit, RemoveHeader, ReplaceHeader
from thurn_message.encodedword import decode_words
from thurn_message.headerfield import mailbox

from thurn_policy_sender.fields import Header, visible

NAME_CHARACTERS: Final = 100
"""Length in characters to which a display name is cut."""
ORIGINAL_CHARACTERS: Final = 500
"""Length in characters to which the old From is cut; more would not help its reader."""


def rewritten(
    header: Header, record: AccountRecord, *, only_sender: bool
) -> tuple[Edit, ...] | None:
    """The edits of the header; None if the account has no address that can be used."""
    own = record.address
    if own is None or not own.is_ascii:
        return None
    if only_sender:
        return (ReplaceHeader("Sender", str(own)),)
    name = _plain(header.display_name, NAME_CHARACTERS)
    if "@" in visible(name):
        name = _plain(record.display_name, NAME_CHARACTERS)
    edits: list[Edit] = [
        ReplaceHeader("From", mailbox(name, own)),
        # Replaced, not inserted, since somebody who forges a From may have forged this as well.
        ReplaceHeader(
            "X-Original-From", _plain(decode_words(header.original), ORIGINAL_CHARACTERS)
        ),
    ]
    if header.has_sender:
        edits.append(RemoveHeader("Sender"))
    return tuple(edits)


def _plain(text: str, limit: int) -> str:
    """The text on one line, without control characters, at most `limit` characters."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())[:limit].strip()
