"""IMAP4rev2, once it is enabled: names in UTF-8, no RECENT, ESEARCH for SEARCH. RFC 9051 §E.

What it changes in commands stands there, at `Conversation.rev2`.
"""

from __future__ import annotations

from typing import Final

from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import ImapExtension, always


def _enable(conversation: Conversation) -> None:
    conversation.rev2 = True


REV2: Final = ImapExtension(
    name="imap4rev2", capabilities=always("IMAP4rev2"), enables={"IMAP4REV2": _enable}
)
