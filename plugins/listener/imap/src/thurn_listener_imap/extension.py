r"""What an extension is: one value, `ImapExtension`, that says what it adds to the listener.

An extension adds words to the grammar (`thurn_wire.imap.grammar`), says what they do, and names its
capabilities. All extensions of this distribution are values of this kind (`extensions/`), made with
the same means. An extension reaches a listener in one of two ways:

1. A plugin of the role `imap` (`@plugin("imap", "colours")`, a section `[imap.colours]`) yields one
   that may have settings; a listener names it in `extensions`.
2. The hook `thurn_imap_register_extension` returns extensions that need no settings. They hold for
   every IMAP listener of a site that loads the plugin.

    COLOUR = Attribute("X-COLOUR")

    def words(grammar: Grammar) -> None:
        add(grammar.fetch_items, "X-COLOUR", lambda cursor: COLOUR)

    def colour(item: FetchItem) -> Column:
        return Column(b"X-COLOUR %b", lambda batch: [b"red"] * len(batch.places))

    COLOURS = ImapExtension(
        name="colours", grammar=words, fetch_items={COLOUR: colour},
        capabilities=after_login("X-COLOURS"),
    )

Rules of this file: values only; keys are types or words, and a key that two extensions claim is a
start-up error that names both.
"""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Generic, TypeAlias, TypeVar

from thurn.plugin import Mailbox, MailboxRecord, View
from thurn_wire.imap.command import Command
from thurn_wire.imap.fetch import FetchItem
from thurn_wire.imap.grammar.registry import Grammar
from thurn_wire.imap.search import SearchKey

from thurn_listener_imap.answer import Answer
from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.fetch.item import CompileItem
from thurn_listener_imap.mailbox.selected import Selected
from thurn_listener_imap.search.check import CompileKey

C_contra = TypeVar("C_contra", contravariant=True)


# Commands.


class Updates(Enum):
    """Which changes of other sessions the client is told before a command's tagged answer."""

    ALL = "all"
    NO_EXPUNGE = "no EXPUNGE"
    """All but EXPUNGE, since the client's message numbers are in use. RFC 9051 §7.5.1."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class CommandKind(Generic[C_contra]):
    """What a command does.

    Attributes:
        run: does it: it writes untagged responses and returns the tagged answer. Whatever error of
            thurn it raises becomes NO with the code of `refusal`. None: it has written the answer
            itself, as a command has to that replaces the connection behind it; or, only in the
            base, the answer comes with a later event of the engine.
        updates: what the client is told at its end; a function where it depends on the command.
    """

    run: Callable[[C_contra, Any], Awaitable[Answer | None]]
    updates: Updates | Callable[[Any], Updates] = Updates.ALL


# SEARCH.


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The messages that a SEARCH matches, for return options.

    Attributes:
        positions: of the messages in `view`, ascending.
        numbers: what the client reads, index-parallel: message numbers, or UIDs of UID SEARCH.
        told: those of `positions` that the options of this command tell: with MIN alone, the first.
        view: what the client has been told of the mailbox.
    """

    positions: Sequence[int]
    numbers: Sequence[int]
    told: Sequence[int]
    view: View


ResultPairs: TypeAlias = Iterable[tuple[bytes, bytes]]
"""Words of an ESEARCH response with their values. RFC 9051 §7.3.4."""


@dataclass(frozen=True, slots=True)
class SearchReturn:
    """What an option of SEARCH RETURN does.

    Attributes:
        pairs: makes its part of the ESEARCH response, of the result and the option's value. None:
            it tells nothing, and a SEARCH with such options alone has no ESEARCH response.
        told: the positions that its part tells, of all; None: all of them.
        keep: keeps the result for later commands.
        failed: is called when the search ended in NO.
    """

    pairs: Callable[[ImapConversation, SearchResult, object], ResultPairs] | None = None
    told: Callable[[Sequence[int]], Sequence[int]] | None = None
    keep: Callable[[ImapConversation, SearchResult], None] | None = None
    failed: Callable[[ImapConversation], None] | None = None


NamedSet: TypeAlias = Callable[[Selected], "array[int]"]
"""The UIDs that a named set of messages has now, ascending; some may be gone already."""


# LIST.


@dataclass(frozen=True, slots=True)
class ListedName:
    """A name that LIST looks at.

    Attributes:
        name: of the mailbox.
        record: None for a name that is only subscribed, or that only stands above others.
        subscribed: whether it is subscribed.
        has_children: whether there are mailboxes below.
    """

    name: str
    record: MailboxRecord | None
    subscribed: bool
    has_children: bool


@dataclass(frozen=True, slots=True)
class ListSelection:
    r"""What a LIST selection option does.

    Attributes:
        matches: whether a name is selected; a name has to match all options that have this.
        recursive: names above those that match are listed as well. RFC 5258 §3.5.
        subscriptions: names that are subscribed and do not exist are looked at as well.
        attributes: words that each line has, such as `\Subscribed`.
    """

    matches: Callable[[ListedName], bool] | None = None
    recursive: bool = False
    subscriptions: bool = False
    attributes: Callable[[ListedName], Iterable[bytes]] | None = None


@dataclass(frozen=True, slots=True)
class ListReturn:
    r"""What a LIST return option adds; each function gets the option's value.

    Attributes:
        attributes: words such as `\Subscribed`.
        extended: an extended item such as `"X-COLOUR" ("red")`; b"": none.
        after: whole responses behind the line.
        subscriptions: names that are subscribed and do not exist are looked at as well.
    """

    attributes: Callable[[ImapConversation, ListedName, object], Iterable[bytes]] | None = None
    extended: Callable[[ImapConversation, ListedName, object], bytes] | None = None
    after: Callable[[ImapConversation, ListedName, object], Iterable[bytes]] | None = None
    subscriptions: bool = False


ListAttributes: TypeAlias = Callable[[ImapConversation, ListedName], Iterable[bytes]]
r"""Words that every LIST line has, such as `\HasChildren`."""


# Mailboxes.


@dataclass(slots=True)
class NewMailbox:
    """A mailbox that CREATE is about to make.

    Attributes:
        name: of the mailbox.
        special_use: attributes that the store gives it in the same step. RFC 6154 §3.
        after: what is done to it when it is made; a failure is the answer, the mailbox stays.
    """

    name: str
    special_use: frozenset[str] = frozenset()
    after: list[Callable[[Mailbox], Awaitable[None]]] = field(default_factory=list)


CreateParameter: TypeAlias = Callable[[ImapConversation, NewMailbox, object], None]
"""Does what a CREATE parameter (with its value) asks, before the mailbox is made; it may raise
CommandRefused. RFC 4466 §2.2."""

SelectParameter: TypeAlias = Callable[[ImapConversation, object], Awaitable[None]]
"""Does what a SELECT parameter (with its value) asks, when the mailbox is open and its usual
responses are written. RFC 4466 §2.2."""

StatusItem: TypeAlias = Callable[[ImapConversation, MailboxRecord], int | bytes | None]
"""The value of a STATUS item: a number, octets as they stand in the response, or None for NIL."""


# The session.

Responses: TypeAlias = Callable[[ImapConversation], Iterable[bytes]]
"""Whole untagged responses, made at a moment that the field of `ImapExtension` names."""

Capabilities: TypeAlias = Callable[[ImapConversation], Iterable[str]]
"""The words that an extension announces now."""

_NOTHING: Final[Mapping[Any, Any]] = MappingProxyType({})


def _nothing() -> Mapping[Any, Any]:
    return _NOTHING


def always(*words: str) -> Capabilities:
    """These capabilities, before login and after."""
    return lambda _: words


_NO_CAPABILITIES: Final = always()


def after_login(*words: str) -> Capabilities:
    """These capabilities once somebody is logged in."""
    return lambda conversation: words if conversation.is_logged_in else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapExtension:
    """Everything that an extension may add; what it does not add stays empty.

    Attributes:
        name: a word for messages, such as "colours".
        capabilities: what it announces, asked anew each time.
        enables: ENABLE words in capitals, with what happens when one is enabled. RFC 5161.
        grammar: adds the extension's words to the grammar of one listener.
        commands: by the type of the command, made by the parsers of `grammar`. A rule with
            `Step.TAKE_OVER` lets the command read and write octets itself.
        fetch_items: by the item, or by its type.
        search_keys: by the key's type.
        search_returns: by the word of SEARCH RETURN.
        named_sets: by the name of the set, which may stand wherever a sequence set may.
        list_selections, list_returns: by the word of the option.
        list_attributes: words of every LIST line.
        status_items, select_parameters, create_parameters: by the word.
        select_responses: untagged responses of every SELECT and EXAMINE.
        update_responses: untagged responses together with those of other sessions' changes.
    """

    name: str
    capabilities: Capabilities = _NO_CAPABILITIES
    enables: Mapping[str, Callable[[ImapConversation], None]] = field(default_factory=_nothing)
    grammar: Callable[[Grammar], None] | None = None
    commands: Mapping[type[Command], CommandKind[ImapConversation]] = field(
        default_factory=_nothing
    )
    fetch_items: Mapping[FetchItem | type[FetchItem], CompileItem] = field(default_factory=_nothing)
    search_keys: Mapping[type[SearchKey], CompileKey] = field(default_factory=_nothing)
    search_returns: Mapping[str, SearchReturn] = field(default_factory=_nothing)
    named_sets: Mapping[str, NamedSet] = field(default_factory=_nothing)
    list_selections: Mapping[str, ListSelection] = field(default_factory=_nothing)
    list_returns: Mapping[str, ListReturn] = field(default_factory=_nothing)
    list_attributes: tuple[ListAttributes, ...] = ()
    status_items: Mapping[str, StatusItem] = field(default_factory=_nothing)
    select_parameters: Mapping[str, SelectParameter] = field(default_factory=_nothing)
    create_parameters: Mapping[str, CreateParameter] = field(default_factory=_nothing)
    select_responses: tuple[Responses, ...] = ()
    update_responses: tuple[Responses, ...] = ()
