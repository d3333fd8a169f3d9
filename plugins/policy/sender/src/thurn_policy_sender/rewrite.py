"""Makes an honest header of one that names somebody else: From becomes the account's own address,
what stood there goes into X-Original-From, a Sender is taken out. Where only the Sender is somebody
else, it becomes the own address and From stays.

Rules: a display name stays if it shows no address; a Resent field of somebody else cannot be made
honest, and an account without an address of its own in ASCII has nothing to put there.
"""

from __future__ import annotations

from typing import Final

from thurn.plugin import AccountRecord, Edit, RemoveHeader, ReplaceHeader
from thurn_message.encodedword import decode_words
from thurn_message.headerfield import mailbox

from thurn_policy_sender.fields import Header, visible

NAME_CHARACTERS: Final = 100
ORIGINAL_CHARACTERS: Final = 500
"""Of the old From, as kept: more is no help to whoever looks."""


def rewritten(
    header: Header, record: AccountRecord, *, only_sender: bool
) -> tuple[Edit, ...] | None:
    """The edits; None where no honest header can be made."""
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
        # Replaced, not inserted: who forges a From may have forged this, too.
        ReplaceHeader(
            "X-Original-From", _plain(decode_words(header.original), ORIGINAL_CHARACTERS)
        ),
    ]
    if header.has_sender:
        edits.append(RemoveHeader("Sender"))
    return tuple(edits)


def _plain(text: str, limit: int) -> str:
    """A text on one line, without controls, bounded."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())[:limit].strip()
