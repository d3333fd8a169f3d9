"""APPENDLIMIT: one limit for all mailboxes. RFC 7889 §2."""

from __future__ import annotations

from typing import Final

from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import ImapExtension


def _capabilities(conversation: Conversation) -> tuple[str, ...]:
    if not conversation.is_logged_in:
        return ()
    return (f"APPENDLIMIT={conversation.site.settings.size_limit}",)


APPENDLIMIT: Final = ImapExtension(
    name="appendlimit",
    capabilities=_capabilities,
    status_items={
        "APPENDLIMIT": lambda conversation, _: conversation.site.settings.size_limit,
    },
)
