"""What the rights of RFC 4314 allow; its §4 says which right each command needs.

Rules of this file: each right is one letter. A command that changes flags changes those that it may
and leaves the others; it is refused only when it may change none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from thurn.plugin import NotPermitted

from thurn_listener_imap.mailbox.selected import Selected

LOOKUP: Final = "l"
READ: Final = "r"
SEEN: Final = "s"
WRITE: Final = "w"
INSERT: Final = "i"
CREATE: Final = "k"
DELETE_MAILBOX: Final = "x"
DELETE_MESSAGE: Final = "t"
EXPUNGE: Final = "e"

_WRITING: Final = frozenset((SEEN, WRITE, INSERT, DELETE_MESSAGE, EXPUNGE))


def need(rights: str, *letters: str) -> None:
    """Raise NotPermitted where one of these rights is missing."""
    if not all(letter in rights for letter in letters):
        raise NotPermitted


def may_change(rights: str) -> bool:
    """Whether the rights allow any change, so that SELECT says READ-WRITE. RFC 4314 §5.2."""
    return not _WRITING.isdisjoint(rights)


def right_for(flag: str) -> str:
    """The right that a change of this flag needs. RFC 4314 §2.1."""
    match flag.lower():
        case "\\seen":
            return SEEN
        case "\\deleted":
            return DELETE_MESSAGE
    return WRITE


def permitted_flags(rights: str, flags: Iterable[str]) -> tuple[str, ...]:
    """Those of the flags that may be changed. RFC 4314 §4 (STORE, APPEND, COPY)."""
    return tuple(flag for flag in flags if right_for(flag) in rights)


def permanent_flags(selected: Selected) -> tuple[str, ...]:
    r"""The flags of PERMANENTFLAGS: none in a read-only mailbox; `\*` stands for new keywords."""
    if selected.read_only:
        return ()
    flags = permitted_flags(selected.rights, selected.flags.names)
    return (*flags, "\\*") if WRITE in selected.rights else flags
