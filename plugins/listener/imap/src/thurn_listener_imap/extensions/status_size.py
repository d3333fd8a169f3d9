"""STATUS=SIZE: the octets of all messages of a mailbox.

    C: 1 STATUS INBOX (SIZE)
    S: * STATUS INBOX (SIZE 4711)

RFC 8438.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.imap.grammar.registry import Grammar, add

from thurn_listener_imap.extension import ImapExtension, after_login


def _words(grammar: Grammar) -> None:
    add(grammar.status_items, "SIZE", "SIZE")


STATUS_SIZE: Final = ImapExtension(
    name="status-size",
    capabilities=after_login("STATUS=SIZE"),
    grammar=_words,
    status_items={"SIZE": lambda _, record: record.size_octets},
)
