"""APPENDLIMIT: one limit for all mailboxes.

    C: 1 STATUS INBOX (APPENDLIMIT)
    S: * STATUS INBOX (APPENDLIMIT 52428800)

RFC 7889 §2.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.imap.grammar.registry import Grammar, add

from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.extension import ImapExtension


def _words(grammar: Grammar) -> None:
    add(grammar.status_items, "APPENDLIMIT", "APPENDLIMIT")


def _capabilities(conversation: ImapConversation) -> tuple[str, ...]:
    if not conversation.is_logged_in:
        return ()
    return (f"APPENDLIMIT={conversation.settings.size_limit}",)


APPENDLIMIT: Final = ImapExtension(
    name="appendlimit",
    capabilities=_capabilities,
    grammar=_words,
    status_items={"APPENDLIMIT": lambda conversation, _: conversation.settings.size_limit},
)
