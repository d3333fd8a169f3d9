"""Mailbox names: the one rule for which texts are names, and their one normal form.

Rules: a name is data and never a path; it is kept as given, letter for letter, except that a
first level "inbox" in any case is "INBOX"; what is doubtful in a list or a log (controls, line
ends, lone surrogates, empty levels, "." and "..") is no name. Every store uses this function.
"""

from __future__ import annotations

import re
from typing import Final

from thurn.types.errors import MailboxNameRefused

NAME_OCTETS: Final = 1_024
"""A name in UTF-8. Far above what people type; below what would make lists and records heavy."""

NAME_LEVELS: Final = 64
"""Levels of a name: each one that is missing is created, so the number is an amplification."""

INBOX: Final = "INBOX"

_REFUSED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def mailbox_name(text: str, separator: str) -> str:
    """The normal form of a mailbox's name.

    Raises:
        MailboxNameRefused: the text is no name: empty, over a bound, an empty level, "." or
            "..", a control or another character that no list may contain.

    RFC 9051 §5.1.
    """
    if not text or len(text) > NAME_OCTETS or _REFUSED.search(text):
        raise MailboxNameRefused
    levels = text.split(separator)
    if len(levels) > NAME_LEVELS or any(level in ("", ".", "..") for level in levels):
        raise MailboxNameRefused
    if len(text.encode()) > NAME_OCTETS:
        raise MailboxNameRefused
    # RFC 9051 §5.1: INBOX is case-insensitive, as a first level too.
    if levels[0].upper() == INBOX and levels[0] != INBOX:
        return separator.join([INBOX, *levels[1:]])
    return text


def parents(name: str, separator: str) -> list[str]:
    """The names above a name, the highest first."""
    levels = name.split(separator)
    return [separator.join(levels[:count]) for count in range(1, len(levels))]
