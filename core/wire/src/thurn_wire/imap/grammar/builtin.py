"""The base: the words of RFC 3501, and those that cannot be separated from it.

Rules of this file:
1. It has only tables; each line has a word and its parser.
2. Whoever offers an extension adds its words, also if their parsers are in this library. CONDSTORE
   (RFC 7162) is here, since it changes commands of the base; ENABLE (RFC 5161) and IDLE (RFC 2177)
   are here, since the engine knows them.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from thurn_wire.imap import command
from thurn_wire.imap.fetch import FetchItem
from thurn_wire.imap.grammar import append, fetch, listing, mailbox, message, search, session
from thurn_wire.imap.grammar.registry import Grammar, Parser, Rule, nothing
from thurn_wire.imap.search import FlagKey, Place, Relation, SearchKey
from thurn_wire.imap.state import ANY, BEFORE_LOGIN, LOGGED_IN, SELECTED, Step

SYSTEM_FLAGS: Final = ("\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen")
STATUS_ITEMS: Final = (
    "DELETED",
    "MESSAGES",
    "RECENT",
    "UIDNEXT",
    "UIDVALIDITY",
    "UNSEEN",
)
CHARSETS: Final = {
    b"US-ASCII": "ascii",
    b"UTF-8": "utf-8",
    b"ISO-8859-1": "iso8859-1",
    b"ISO-8859-15": "iso8859-15",
    b"WINDOWS-1252": "cp1252",
}
"""Charsets of SEARCH: RFC 9051 §6.4.4 requires US-ASCII and UTF-8; old clients send the others."""


def base_grammar() -> Grammar:
    """A new grammar with the base, to which extensions may add their words."""
    return Grammar(
        commands=_commands(),
        uid_commands=_uid_commands(),
        search_keys=_search_keys(),
        fetch_items=_fetch_items(),
        fetch_modifiers={b"CHANGEDSINCE": message.since},
        store_modifiers={b"UNCHANGEDSINCE": message.since},
        select_parameters={b"CONDSTORE": nothing},
        status_items={item.encode(): item for item in STATUS_ITEMS},
        system_flags={flag.lower(): flag for flag in SYSTEM_FLAGS},
        charsets=dict(CHARSETS),
    )


def _commands() -> dict[bytes, Rule]:
    bare = session.without_arguments
    return {
        b"CAPABILITY": Rule(bare(command.Capability()), ANY, literals=False),
        b"NOOP": Rule(bare(command.Noop()), ANY, literals=False),
        b"LOGOUT": Rule(bare(command.Logout()), ANY, Step.LOGOUT, literals=False),
        b"STARTTLS": Rule(bare(command.StartTls()), BEFORE_LOGIN, Step.STARTTLS, literals=False),
        b"AUTHENTICATE": Rule(
            session.authenticate, BEFORE_LOGIN, Step.AUTHENTICATE, literals=False
        ),
        b"LOGIN": Rule(session.login, BEFORE_LOGIN, Step.LOGIN),
        b"ENABLE": Rule(session.enable, LOGGED_IN, literals=False),
        b"SELECT": Rule(mailbox.select, LOGGED_IN, Step.SELECT),
        b"EXAMINE": Rule(mailbox.examine, LOGGED_IN, Step.SELECT),
        b"CREATE": Rule(mailbox.create, LOGGED_IN),
        b"DELETE": Rule(mailbox.named(command.Delete), LOGGED_IN),
        b"RENAME": Rule(mailbox.rename, LOGGED_IN),
        b"SUBSCRIBE": Rule(mailbox.named(command.Subscribe), LOGGED_IN),
        b"UNSUBSCRIBE": Rule(mailbox.named(command.Unsubscribe), LOGGED_IN),
        b"LIST": Rule(listing.listing, LOGGED_IN),
        b"LSUB": Rule(listing.lsub, LOGGED_IN),
        b"STATUS": Rule(mailbox.status, LOGGED_IN),
        b"APPEND": Rule(append.without_message, LOGGED_IN, Step.APPEND),
        b"IDLE": Rule(bare(command.Idle()), LOGGED_IN, Step.IDLE, literals=False),
        b"CHECK": Rule(bare(command.Check()), SELECTED, literals=False),
        b"CLOSE": Rule(bare(command.Close()), SELECTED, Step.DESELECT, literals=False),
        b"EXPUNGE": Rule(bare(command.Expunge()), SELECTED, literals=False),
        b"SEARCH": Rule(search.search_command, SELECTED),
        b"FETCH": Rule(fetch.fetch_command, SELECTED),
        b"STORE": Rule(message.store, SELECTED),
        b"COPY": Rule(message.copy, SELECTED),
    }


def _uid_commands() -> dict[bytes, Rule]:
    return {
        b"SEARCH": Rule(partial(search.search_command, uid=True), SELECTED),
        b"FETCH": Rule(partial(fetch.fetch_command, uid=True), SELECTED),
        b"STORE": Rule(partial(message.store, uid=True), SELECTED),
        b"COPY": Rule(partial(message.copy, uid=True), SELECTED),
    }


def _search_keys() -> dict[bytes, Parser[SearchKey]]:
    flags = search.FLAGS.items()
    return {
        **{word: search.constant(FlagKey(flag)) for word, flag in flags},
        **{b"UN" + word: search.constant(FlagKey(flag, present=False)) for word, flag in flags},
        b"ALL": search.constant(search.ALL),
        b"NEW": search.constant(search.NEW),
        b"OLD": search.constant(search.OLD),
        b"RECENT": search.constant(search.RECENT),
        b"KEYWORD": search.keyword(present=True),
        b"UNKEYWORD": search.keyword(present=False),
        b"BCC": search.envelope("BCC", address=True),
        b"CC": search.envelope("CC", address=True),
        b"FROM": search.envelope("FROM", address=True),
        b"TO": search.envelope("TO", address=True),
        b"SUBJECT": search.envelope("SUBJECT", address=False),
        b"HEADER": search.header,
        b"BODY": search.in_text(Place.BODY),
        b"TEXT": search.in_text(Place.TEXT),
        b"BEFORE": search.dated(Relation.BEFORE, sent=False),
        b"ON": search.dated(Relation.ON, sent=False),
        b"SINCE": search.dated(Relation.SINCE, sent=False),
        b"SENTBEFORE": search.dated(Relation.BEFORE, sent=True),
        b"SENTON": search.dated(Relation.ON, sent=True),
        b"SENTSINCE": search.dated(Relation.SINCE, sent=True),
        b"LARGER": search.sized(larger=True),
        b"SMALLER": search.sized(larger=False),
        b"UID": search.uid_set,
        b"MODSEQ": search.modseq,
    }


def _fetch_items() -> dict[bytes, Parser[FetchItem]]:
    return {
        **{item.name.encode(): fetch.attribute(item) for item in fetch.ATTRIBUTES},
        b"BODY": fetch.body,
        b"BODY.PEEK": fetch.body_peek,
        b"RFC822": fetch.RFC822,
        b"RFC822.HEADER": fetch.RFC822_HEADER,
        b"RFC822.TEXT": fetch.RFC822_TEXT,
    }
