"""CONDSTORE: MODSEQ with everything that changes. RFC 7162 §3.1.

What it changes in FETCH, STORE, SEARCH and EXPUNGE stands there, at `Conversation.condstore`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from thurn.plugin import MailboxRecord
from thurn_wire.imap import code, response

from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import ImapExtension, after_login


def _highest(conversation: Conversation) -> Iterable[bytes]:
    """RFC 7162 §3.1.2.1: of every SELECT, whether the client knows what it is or not."""
    modseq = conversation.mailbox.told.highestmodseq
    return (response.ok(b"*", "Highest", code.highestmodseq(modseq)),)


def _status(conversation: Conversation, record: MailboxRecord) -> int:
    # RFC 7162 §3.1: asking shows that the client knows.
    conversation.enable_condstore()
    return record.highestmodseq


CONDSTORE: Final = ImapExtension(
    name="condstore",
    capabilities=after_login("CONDSTORE"),
    enables={"CONDSTORE": Conversation.enable_condstore},
    status_items={"HIGHESTMODSEQ": _status},
    select_responses=(_highest,),
)
