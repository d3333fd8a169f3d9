"""Message identifiers in fields: Message-ID, In-Reply-To, References.

Rules of this file:
1. Reading never raises. An identifier is the text between angle brackets without its white space
   (agents fold inside long ones). Comments and phrases around it (RFC 5322 §4.5.4) are skipped.
2. Identifiers are compared octet by octet, so nothing is changed to lower case.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final

from thurn_message.limits import MAX_MESSAGE_IDS

# msg-id = [CFWS] "<" id-left "@" id-right ">" [CFWS] (RFC 5322 §3.6.4); the @ is often missing
_MSG_ID: Final = re.compile(rb"<([^<>]++)>")
_SPACE: Final = re.compile(rb"\s+")
_BARE: Final = re.compile(rb"[^\s<>\x00-\x1f\x7f-\xff]++")
_CONTROL: Final = re.compile(rb"[\x00-\x20\x7f<>]")


def parse_message_ids(value: bytes) -> list[bytes]:
    """The identifiers of a field in order, with their angle brackets.

    If there are more than `MAX_MESSAGE_IDS`, the first and the last ones remain: References begins
    with the root of the thread and ends with the parent.

    RFC 5322 §3.6.4.
    """
    matches = list(islice(_MSG_ID.finditer(value), MAX_MESSAGE_IDS))
    if len(matches) == MAX_MESSAGE_IDS:
        # Only the end of the value is read for the last ones, so that its middle costs no time.
        tail = value[matches[-1].end() :][-100_000:]
        later = list(_MSG_ID.finditer(tail))[-MAX_MESSAGE_IDS // 2 :]
        matches = matches[: MAX_MESSAGE_IDS - len(later)] + later
    return [b"<%b>" % _SPACE.sub(b"", match[1]) for match in matches]


def parse_message_id(value: bytes) -> bytes | None:
    """The first identifier of a Message-ID field, or None.

    An identifier that is written without angle brackets gets them.

    RFC 5322 §3.6.4.
    """
    identifiers = parse_message_ids(value)
    if identifiers:
        return identifiers[0]
    bare = _BARE.fullmatch(value.strip())
    return b"<%b>" % bare[0] if bare is not None else None


def make_message_id(unique: str, domain: str) -> str:
    """A message identifier from a text that the caller guarantees to be unique in the domain.

    Raises:
        ValueError: an argument is empty or holds a control, white space or an angle bracket.

    RFC 5322 §3.6.4.
    """
    if not unique or not domain or _CONTROL.search((unique + domain).encode()) is not None:
        raise ValueError("not usable in a message id")
    return f"<{unique}@{domain}>"
