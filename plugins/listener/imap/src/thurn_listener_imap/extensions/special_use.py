r"""SPECIAL-USE and CREATE-SPECIAL-USE.

    C: 1 CREATE Sent (USE (\Sent))
    C: 2 LIST (SPECIAL-USE) "" *
    S: * LIST (\HasNoChildren \Sent) "/" Sent

Every LIST line has the attributes, whether they were asked for or not; RFC 6154 §5 allows that.

RFC 6154.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.imap import code
from thurn_wire.imap.grammar import mailbox
from thurn_wire.imap.grammar.registry import Grammar, add, nothing

from thurn_listener_imap.answer import CommandRefused, refused
from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.extension import (
    ImapExtension,
    ListedName,
    ListReturn,
    ListSelection,
    NewMailbox,
    after_login,
)

SPECIAL_USES: Final = frozenset(
    ("\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash")
)
r"""Attributes that mailboxes may have. \All and \Flagged would be views, which do not exist yet; a
client may keep such a mailbox itself. RFC 6154 §2."""


def _words(grammar: Grammar) -> None:
    add(grammar.create_parameters, "USE", mailbox.use)
    add(grammar.list_selections, "SPECIAL-USE", nothing)
    add(grammar.list_returns, "SPECIAL-USE", nothing)


def _use(_conversation: ImapConversation, new: NewMailbox, attributes: object) -> None:
    uses = frozenset(attributes) if isinstance(attributes, tuple) else frozenset()
    if not uses <= SPECIAL_USES:
        # RFC 6154 §3.
        raise CommandRefused(refused("A special use that is not kept here", code.USEATTR))
    new.special_use = uses


def _has_use(listed: ListedName) -> bool:
    return listed.record is not None and bool(listed.record.special_use)


def _uses(_conversation: ImapConversation, listed: ListedName) -> list[bytes]:
    return (
        [] if listed.record is None else [use.encode() for use in sorted(listed.record.special_use)]
    )


SPECIAL_USE: Final = ImapExtension(
    name="special-use",
    capabilities=after_login("SPECIAL-USE", "CREATE-SPECIAL-USE"),
    grammar=_words,
    create_parameters={"USE": _use},
    list_selections={"SPECIAL-USE": ListSelection(matches=_has_use)},
    list_returns={"SPECIAL-USE": ListReturn()},
    list_attributes=(_uses,),
)
