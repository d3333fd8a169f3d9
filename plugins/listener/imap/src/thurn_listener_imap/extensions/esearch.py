"""ESEARCH: MIN, MAX, ALL and COUNT of SEARCH RETURN. RFC 4731, RFC 9051 §6.4.4."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from thurn_wire.imap.sequence import sequence_set

from thurn_listener_imap.conversation import Conversation
from thurn_listener_imap.extension import Found, ImapExtension, after_login

Pairs = Iterable[tuple[bytes, bytes]]


def _min(_conversation: Conversation, found: Found, _value: object) -> Pairs:
    # RFC 4731 §3.1: nothing is told of nothing.
    return _one(b"MIN", found, 0)


def _max(_conversation: Conversation, found: Found, _value: object) -> Pairs:
    return _one(b"MAX", found, -1)


def _all(_conversation: Conversation, found: Found, _value: object) -> Pairs:
    if not found.numbers:
        return ()
    return ((b"ALL", sequence_set(found.numbers)),)


def _count(_conversation: Conversation, found: Found, _value: object) -> Pairs:
    return ((b"COUNT", b"%d" % len(found.numbers)),)


def _one(word: bytes, found: Found, at: int) -> Pairs:
    return ((word, b"%d" % found.numbers[at]),) if found.numbers else ()


ESEARCH: Final = ImapExtension(
    name="esearch",
    capabilities=after_login("ESEARCH"),
    search_returns={"MIN": _min, "MAX": _max, "ALL": _all, "COUNT": _count},
)
