r"""LIST-EXTENDED: selection and return options of LIST.

    C: 1 LIST (SUBSCRIBED RECURSIVEMATCH) "" % RETURN (CHILDREN)
    S: * LIST (\HasChildren) "/" work ("CHILDINFO" ("SUBSCRIBED"))

RFC 5258, RFC 9051 §6.3.9.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.imap.grammar.registry import Grammar, add, nothing

from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.extension import (
    ImapExtension,
    ListedName,
    ListReturn,
    ListSelection,
    after_login,
)


def _subscribed(listed: ListedName) -> tuple[bytes, ...]:
    return (b"\\Subscribed",) if listed.subscribed else ()


def _if_subscribed(
    _conversation: ImapConversation, listed: ListedName, _value: object
) -> tuple[bytes, ...]:
    return _subscribed(listed)


_SELECTIONS: Final = {
    "SUBSCRIBED": ListSelection(
        matches=lambda listed: listed.subscribed,
        subscriptions=True,
        # RFC 5258 §3.1: the selection option implies the return option.
        attributes=_subscribed,
    ),
    "RECURSIVEMATCH": ListSelection(recursive=True),
    "REMOTE": ListSelection(),  # there are no remote mailboxes
}
_RETURNS: Final = {
    "SUBSCRIBED": ListReturn(attributes=_if_subscribed, subscriptions=True),
    "CHILDREN": ListReturn(),  # told in any case
}


def _words(grammar: Grammar) -> None:
    for word in _SELECTIONS:
        add(grammar.list_selections, word, nothing)
    for word in _RETURNS:
        add(grammar.list_returns, word, nothing)


LIST_EXTENDED: Final = ImapExtension(
    name="list-extended",
    capabilities=after_login("LIST-EXTENDED"),
    grammar=_words,
    list_selections=_SELECTIONS,
    list_returns=_RETURNS,
)
