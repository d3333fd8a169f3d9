"""SEARCHRES: SEARCH RETURN (SAVE), and "$" in later commands. RFC 5182, RFC 9051 §6.4.4.1."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import Found, ImapExtension, after_login

_ENDS: Final = frozenset(("MIN", "MAX"))


def _save(conversation: Conversation, found: Found, words: object) -> Iterable[tuple[bytes, bytes]]:
    """Keep the UIDs found; with MIN or MAX, and neither ALL nor COUNT, only those.

    RFC 5182 §2.1.
    """
    positions: Sequence[int] = found.positions
    asked = frozenset(words) if isinstance(words, Iterable) else frozenset()
    if asked & _ENDS and not asked - _ENDS - {"SAVE"}:
        ends = [positions[0]] if positions and "MIN" in asked else []
        ends += [positions[-1]] if positions and "MAX" in asked else []
        positions = sorted(set(ends))
    uids = found.view.uids
    conversation.mailbox.saved = array("I", [uids[at] for at in positions])
    return ()


SEARCHRES: Final = ImapExtension(
    name="searchres", capabilities=after_login("SEARCHRES"), search_returns={"SAVE": _save}
)
