"""CONDSTORE: MODSEQ with everything that changes.

    C: 1 SELECT INBOX (CONDSTORE)
    S: * OK [HIGHESTMODSEQ 12] Highest

One of the three extensions that the base knows (README, Extensions): its modifiers of FETCH and
STORE, its key of SEARCH and its parameter of SELECT are in the base grammar, and each response that
tells flags looks at `Conversation.condstore`.

RFC 7162 §3.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from thurn.plugin import MailboxRecord
from thurn_wire.imap import code, reply
from thurn_wire.imap.grammar.registry import Grammar, add

from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.extension import ImapExtension, after_login


def _words(grammar: Grammar) -> None:
    add(grammar.status_items, "HIGHESTMODSEQ", "HIGHESTMODSEQ")


def _highest(conversation: ImapConversation) -> Iterable[bytes]:
    """RFC 7162 §3.1.2.1: in every SELECT, whether the client knows MODSEQ or not."""
    modseq = conversation.mailbox.told.highestmodseq
    return (reply.ok("Highest", code.highestmodseq(modseq)).encode(),)


def _status(conversation: ImapConversation, record: MailboxRecord) -> int:
    # RFC 7162 §3.1: a client that asks for it knows MODSEQ.
    conversation.enable_condstore()
    return record.highestmodseq


CONDSTORE: Final = ImapExtension(
    name="condstore",
    capabilities=after_login("CONDSTORE"),
    enables={"CONDSTORE": lambda conversation: conversation.enable_condstore()},
    grammar=_words,
    status_items={"HIGHESTMODSEQ": _status},
    select_responses=(_highest,),
)
