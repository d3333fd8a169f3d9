r"""The public door of this listener: what an extension is, by data.

An extension is one `ImapExtension`. It adds words to the grammar (`thurn_wire.imap.grammar`), says
what they do, and names its capabilities. The extensions of this distribution are made in the same
way (`extensions/`); nothing else is open to them. Two ways lead here:

1. The hook `thurn_imap_register_extension` returns extensions that need no settings. They hold for
   every IMAP listener of a site that loads the plugin.
2. A plugin of the role `imap` (`@plugin("imap", "colours")`, a section `[imap.colours]`) yields one
   that may have settings; a listener names it in `extensions`.

    COLOUR = Attribute("X-COLOUR")

    def grammar(grammar: Grammar) -> None:
        add(grammar.fetch_items, "X-COLOUR", lambda cursor: COLOUR)

    def colour(item: FetchItem) -> Column:
        return Column(b"X-COLOUR %b", lambda batch: [b"red"] * len(batch.places))

    COLOURS = ImapExtension(
        name="colours", grammar=grammar, fetch_items={COLOUR: colour},
        capabilities=after_login("X-COLOURS"),
    )

Rules of this file: values only; keys are types or words, and a key that two extensions claim is a
start-up error that names both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from thurn.plugin import MailboxRecord, View
from thurn_wire.imap.command import Command
from thurn_wire.imap.fetch import FetchItem
from thurn_wire.imap.grammar.registry import Grammar
from thurn_wire.imap.search import SearchKey

from thurn_listener_imap.answer import Answer
from thurn_listener_imap.fetch.plan import Compile
from thurn_listener_imap.search.program import CompileKey

if TYPE_CHECKING:
    from thurn_listener_imap.conversation import Conversation


class Updates(Enum):
    """What may be told of other sessions' changes before a command's tagged answer."""

    ALL = "all"
    NO_EXPUNGE = "no EXPUNGE"
    """While the client's message numbers are in use. RFC 9051 §7.5.1."""
    NONE = "none"


Run: TypeAlias = Callable[["Conversation", Any], Awaitable[Answer]]
"""Does a command: writes its untagged responses, returns the tagged answer. StorageErrors may be
let through; they become NO with the code of `refusal.CODES`."""


@dataclass(frozen=True, slots=True)
class CommandKind:
    """What a command does.

    Attributes:
        run: does it.
        updates: what may be told at its end; a function where it depends on the command.
    """

    run: Run
    updates: Updates | Callable[[Any], Updates] = Updates.ALL


@dataclass(frozen=True, slots=True)
class Found:
    """What a SEARCH has found, for return options.

    Attributes:
        positions: in `view`, ascending.
        numbers: what the client is told: message numbers or UIDs, index-parallel.
        view: what the client has been told of the mailbox.
        with_modseq: the search looked at MODSEQ. RFC 7162 §3.1.5.
    """

    positions: Sequence[int]
    numbers: Sequence[int]
    view: View
    with_modseq: bool


SearchReturn: TypeAlias = Callable[["Conversation", Found, object], Iterable[tuple[bytes, bytes]]]
"""Makes the pairs of ESEARCH for a return option (with its value); may keep what was found."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A name that LIST tells.

    Attributes:
        name: of the mailbox.
        record: None for a name that is only subscribed, or only a parent of others.
        subscribed: whether it is.
        has_children: whether there are mailboxes below.
    """

    name: str
    record: MailboxRecord | None
    subscribed: bool
    has_children: bool


@dataclass(frozen=True, slots=True)
class ListReturn:
    r"""What a LIST return option adds.

    Attributes:
        attributes: words such as `\Subscribed`.
        extended: an extended item, `"X-COLOUR" ("red")`, or none.
        after: whole responses behind the line.
    """

    attributes: Callable[[Conversation, Listed, object], Iterable[bytes]] | None = None
    extended: Callable[[Conversation, Listed, object], bytes] | None = None
    after: Callable[[Conversation, Listed, object], Awaitable[Iterable[bytes]]] | None = None


ListSelection: TypeAlias = Callable[[Listed], bool]
"""Whether a name meets a LIST selection option."""

StatusItem: TypeAlias = Callable[["Conversation", MailboxRecord], int | None]
"""The value of a STATUS item; None is NIL."""

SelectParameter: TypeAlias = Callable[["Conversation", object], Awaitable[None]]
"""Does what a SELECT parameter (with its value) asks, when the mailbox is open and its usual
responses are written. RFC 4466 §2.2."""

Contribution: TypeAlias = Callable[["Conversation"], Iterable[bytes]]
"""Whole untagged responses, made at a moment that the field of `ImapExtension` names."""

Capabilities: TypeAlias = Callable[["Conversation"], Iterable[str]]

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
        commands: by the type of the command, made by the parsers of `grammar`.
        fetch_items: by the item, or by its type.
        search_keys: by the key's type.
        search_returns: by the word of SEARCH RETURN.
        list_selections, list_returns: by the word of the option.
        status_items: by the word.
        select_parameters: by the word.
        select_responses: untagged responses of every SELECT and EXAMINE.
        update_responses: untagged responses together with those of other sessions' changes.
    """

    name: str
    capabilities: Capabilities = _NO_CAPABILITIES
    enables: Mapping[str, Callable[[Conversation], None]] = field(default_factory=_nothing)
    grammar: Callable[[Grammar], None] | None = None
    commands: Mapping[type[Command], CommandKind] = field(default_factory=_nothing)
    fetch_items: Mapping[FetchItem | type[FetchItem], Compile] = field(default_factory=_nothing)
    search_keys: Mapping[type[SearchKey], CompileKey] = field(default_factory=_nothing)
    search_returns: Mapping[str, SearchReturn] = field(default_factory=_nothing)
    list_selections: Mapping[str, ListSelection] = field(default_factory=_nothing)
    list_returns: Mapping[str, ListReturn] = field(default_factory=_nothing)
    status_items: Mapping[str, StatusItem] = field(default_factory=_nothing)
    select_parameters: Mapping[str, SelectParameter] = field(default_factory=_nothing)
    select_responses: tuple[Contribution, ...] = ()
    update_responses: tuple[Contribution, ...] = ()
