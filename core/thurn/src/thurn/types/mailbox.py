"""Mailbox names: which texts are names, and their one normal form. Every store uses this rule.

Rules: a name is data and never a path; it is kept letter for letter as given, except that a first
level "inbox" in any case becomes "INBOX"; a text that could confuse a list or a log (control
characters, line ends, lone surrogates, empty levels, "." and "..") is not a name.
"""

from __future__ import annotations

import re
from typing import Final

from thurn.types.errors import MailboxNameRefused

MAILBOX_NAME_OCTETS: Final = 1_024
"""Most octets of a mailbox's name in UTF-8: far more than people type, and few enough for lists and
records."""

MAILBOX_NAME_LEVELS: Final = 64
"""Most levels of a mailbox's name: one CREATE makes all that are missing, so it must not make
many."""

INBOX: Final = "INBOX"

_REFUSED: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def mailbox_name(text: str, separator: str) -> str:
    """The normal form of a mailbox's name.

    Raises:
        MailboxNameRefused: the text is not a name: it is empty or too long, a level is empty, "."
            or "..", or it has a control character or another one that no list may contain.

    RFC 9051 §5.1.
    """
    if not text or len(text) > MAILBOX_NAME_OCTETS or _REFUSED.search(text):
        raise MailboxNameRefused
    levels = text.split(separator)
    if len(levels) > MAILBOX_NAME_LEVELS or any(level in ("", ".", "..") for level in levels):
        raise MailboxNameRefused
    if len(text.encode()) > MAILBOX_NAME_OCTETS:
        raise MailboxNameRefused
    # RFC 9051 §5.1: INBOX is case-insensitive, as a first level too.
    if levels[0].upper() == INBOX and levels[0] != INBOX:
        return separator.join([INBOX, *levels[1:]])
    return text


def parents(name: str, separator: str) -> list[str]:
    """The names above a name, the highest first."""
    levels = name.split(separator)
    return [separator.join(levels[:count]) for count in range(1, len(levels))]
