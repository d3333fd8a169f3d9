r"""LIST-STATUS: the option STATUS of LIST RETURN.

    C: 1 LIST "" % RETURN (STATUS (MESSAGES))
    S: * LIST (\HasNoChildren) "/" INBOX
    S: * STATUS INBOX (MESSAGES 3)

RFC 5819.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.imap.grammar.listing import status_option
from thurn_wire.imap.grammar.registry import Grammar, add

from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.extension import ImapExtension, ListedName, ListReturn, after_login
from thurn_listener_imap.permission import READ


def _words(grammar: Grammar) -> None:
    add(grammar.list_returns, "STATUS", status_option)


def _status(conversation: ImapConversation, listed: ListedName, items: object) -> tuple[bytes, ...]:
    """RFC 5819 §2: after the LIST response; none for what cannot be selected."""
    record = listed.record
    if record is None or READ not in record.rights or not isinstance(items, tuple):
        return ()
    return (conversation.status_response(record, items),)


LIST_STATUS: Final = ImapExtension(
    name="list-status",
    capabilities=after_login("LIST-STATUS"),
    grammar=_words,
    list_returns={"STATUS": ListReturn(after=_status)},
)
