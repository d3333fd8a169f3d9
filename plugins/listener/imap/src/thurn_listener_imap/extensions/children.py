r"""CHILDREN: every LIST line says whether there are mailboxes below.

    S: * LIST (\HasChildren) "/" work

RFC 3348, RFC 9051 §7.3.1. The option CHILDREN of LIST RETURN belongs to LIST-EXTENDED.
"""

from __future__ import annotations

from typing import Final

from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.extension import ImapExtension, ListedName, after_login


def _children(_conversation: ImapConversation, listed: ListedName) -> tuple[bytes, ...]:
    return (b"\\HasChildren" if listed.has_children else b"\\HasNoChildren",)


CHILDREN: Final = ImapExtension(
    name="children", capabilities=after_login("CHILDREN"), list_attributes=(_children,)
)
