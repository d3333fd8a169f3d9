"""ESEARCH: MIN, MAX, ALL and COUNT of SEARCH RETURN.

    C: 1 SEARCH RETURN (MIN COUNT) UNSEEN
    S: * ESEARCH (TAG "1") MIN 2 COUNT 3

RFC 4731, RFC 9051 §6.4.4.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.imap.grammar.registry import Grammar, add, nothing
from thurn_wire.imap.sequence import sequence_set

from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.extension import (
    ImapExtension,
    ResultPairs,
    SearchResult,
    SearchReturn,
    after_login,
)


def _min(_conversation: ImapConversation, result: SearchResult, _value: object) -> ResultPairs:
    # RFC 4731 §3.1: a search that matches nothing has no MIN, MAX and ALL.
    return ((b"MIN", b"%d" % result.numbers[0]),) if result.numbers else ()


def _max(_conversation: ImapConversation, result: SearchResult, _value: object) -> ResultPairs:
    return ((b"MAX", b"%d" % result.numbers[-1]),) if result.numbers else ()


def _all(_conversation: ImapConversation, result: SearchResult, _value: object) -> ResultPairs:
    return ((b"ALL", sequence_set(result.numbers)),) if result.numbers else ()


def _count(_conversation: ImapConversation, result: SearchResult, _value: object) -> ResultPairs:
    return ((b"COUNT", b"%d" % len(result.numbers)),)


_RETURNS: Final = {
    "MIN": SearchReturn(_min, told=lambda positions: positions[:1]),
    "MAX": SearchReturn(_max, told=lambda positions: positions[-1:]),
    "ALL": SearchReturn(_all),
    "COUNT": SearchReturn(_count),
}


def _words(grammar: Grammar) -> None:
    for word in _RETURNS:
        add(grammar.search_returns, word, nothing)


ESEARCH: Final = ImapExtension(
    name="esearch",
    capabilities=after_login("ESEARCH"),
    grammar=_words,
    search_returns=_RETURNS,
)
