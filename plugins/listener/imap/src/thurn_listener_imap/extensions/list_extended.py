"""LIST-EXTENDED: selection and return options. RFC 5258, RFC 9051 §6.3.9."""

from __future__ import annotations

from typing import Final

from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import ImapExtension, Listed, ListReturn, after_login


def _subscribed(_conversation: Conversation, listed: Listed, _value: object) -> tuple[bytes, ...]:
    return (b"\\Subscribed",) if listed.subscribed else ()


def _is_subscribed(listed: Listed) -> bool:
    return listed.subscribed


LIST_EXTENDED: Final = ImapExtension(
    name="list-extended",
    capabilities=after_login("LIST-EXTENDED"),
    # REMOTE and RECURSIVEMATCH select nothing by themselves; there are no remote mailboxes.
    list_selections={"SUBSCRIBED": _is_subscribed},
    # CHILDREN is told in any case.
    list_returns={"SUBSCRIBED": ListReturn(attributes=_subscribed)},
)
