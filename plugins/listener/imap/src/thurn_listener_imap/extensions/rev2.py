"""IMAP4rev2: behind ENABLE names are UTF-8, RECENT does not exist, SEARCH answers ESEARCH.

    C: 1 ENABLE IMAP4rev2
    S: * ENABLED IMAP4REV2

One of the three extensions that the base knows (README, Extensions): each command that writes a
name or a number of messages looks at `Conversation.rev2`.

RFC 9051 §6.3.1, Appendix E.
"""

from __future__ import annotations

from typing import Final

from thurn_listener_imap.extension import ImapExtension, always

REV2: Final = ImapExtension(
    name="imap4rev2",
    capabilities=always("IMAP4rev2"),
    enables={"IMAP4REV2": lambda conversation: conversation.enable_rev2()},
)
