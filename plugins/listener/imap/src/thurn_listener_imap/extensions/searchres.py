"""SEARCHRES: SEARCH RETURN (SAVE), and "$" in later commands.

    C: 1 SEARCH RETURN (SAVE) UNSEEN
    S: 1 OK SEARCH done
    C: 2 FETCH $ FLAGS

RFC 5182, RFC 9051 §6.4.4.1.
"""

from __future__ import annotations

from array import array
from typing import Final

from thurn.plugin import StashKey
from thurn_wire.imap.grammar.registry import Grammar, add, nothing
from thurn_wire.imap.sequence import SAVED

from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.extension import (
    ImapExtension,
    SearchResult,
    SearchReturn,
    after_login,
)
from thurn_listener_imap.mailbox.selected import Selected

_UIDS: Final = StashKey["array[int]"]("searchres.uids")
"""The saved UIDs. RFC 5182 §2.1: none when a mailbox is selected, so they live as long as it is."""


def _words(grammar: Grammar) -> None:
    add(grammar.search_returns, "SAVE", nothing)
    add(grammar.named_sets, SAVED.name, SAVED)


def _keep(conversation: ImapConversation, result: SearchResult) -> None:
    """RFC 5182 §2.1: with MIN or MAX, and neither ALL nor COUNT, only what these tell is saved."""
    uids = result.view.uids
    conversation.mailbox.stash[_UIDS] = array("I", [uids[at] for at in result.told])


def _empty(conversation: ImapConversation) -> None:
    """RFC 5182 §2.1: NO leaves an empty result; BAD leaves the one that was there."""
    conversation.mailbox.stash[_UIDS] = array("I")


def _saved(selected: Selected) -> array[int]:
    uids = selected.stash.get(_UIDS)
    return array("I") if uids is None else uids


SEARCHRES: Final = ImapExtension(
    name="searchres",
    capabilities=after_login("SEARCHRES"),
    grammar=_words,
    search_returns={"SAVE": SearchReturn(keep=_keep, failed=_empty)},
    named_sets={SAVED.name: _saved},
)
