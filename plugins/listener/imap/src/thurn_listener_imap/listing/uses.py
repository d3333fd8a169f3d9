"""Special uses. RFC 6154 §2."""

from __future__ import annotations

from typing import Final

SPECIAL_USES: Final = frozenset(
    (
        "\\All",
        "\\Archive",
        "\\Drafts",
        "\\Flagged",
        "\\Junk",
        "\\Sent",
        "\\Trash",
    )
)
"""Those that mailboxes may have here; All and Flagged would be views that nobody makes yet, but a
client may keep such a mailbox itself."""
