"""The tables of the grammar: word to parser. Extensions add their words here, and nowhere else.

Rules of this file:
1. A table's key is the word in upper case. Its value is a parser that reads what stands behind the
   word, beginning with the space in front of an argument (`cursor.space()`), and returns a value of
   `command`, `search`, `fetch` or of the extension.
2. A word is added once: adding it again is an error that names it.
3. Tables are filled before the first connection and only read afterwards; all connections share
   them.

The engine checks the phase before a command is parsed, and the end of the command afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from thurn_wire.error import LocalProtocolError
from thurn_wire.imap.command import NO_PARAMETERS, Command, Parameters
from thurn_wire.imap.fetch import FetchItem
from thurn_wire.imap.grammar.word import WordCursor
from thurn_wire.imap.search import SearchKey
from thurn_wire.imap.sequence import SequenceSet
from thurn_wire.imap.state import Phase, Step

_T = TypeVar("_T")


class Cursor(WordCursor):
    """A position in a command, with the tables: the argument of every parser.

    Attributes:
        grammar: the tables, for parsers that look up words.
        encoding: the codec of the texts of SEARCH.
    """

    __slots__ = ("encoding", "grammar")

    def __init__(
        self, octets: bytes, grammar: Grammar, position: int = 0, *, utf8: bool = False
    ) -> None:
        super().__init__(octets, position, utf8=utf8)
        self.grammar = grammar
        self.encoding = "utf-8"

    def named_set(self) -> SequenceSet | None:
        """Read the name of a set, if one comes next."""
        for name, named in self.grammar.named_sets.items():
            if self.skip(name):
                return named
        return None


Parser: TypeAlias = Callable[[Cursor], _T]


@dataclass(frozen=True, slots=True)
class Rule:
    """How a command is read.

    Attributes:
        parse: reads its arguments.
        phases: the phases in which it is allowed.
        step: the step that it makes: `COMMAND` leaves the state alone, `TAKE_OVER` lets the command
            read and write octets itself.
        literals: its arguments may be literals; otherwise the engine refuses them.
    """

    parse: Parser[Command]
    phases: frozenset[Phase]
    step: Step = Step.COMMAND
    literals: bool = True


@dataclass(slots=True)
class Grammar:
    r"""All tables.

    Attributes:
        commands, uid_commands: word to `Rule`; those of UID by the word behind it.
        search_keys: word to the key's parser.
        search_returns: word of SEARCH RETURN to the parser of its value.
        fetch_items: word to the item's parser (of what stands behind the word); what it gives
            depends on nothing but these octets, since lists are remembered.
        fetch_modifiers, store_modifiers: word to the parser of its value.
        select_parameters, create_parameters: word to the parser of its value.
        list_selections, list_returns: word to the parser of its value.
        status_items: words.
        named_sets: sets of messages that the server keeps, by the name that stands for them where
            a sequence set may stand; no name begins as a key of SEARCH or a number does.
        system_flags: flags with a backslash, lower case to usual spelling.
        charsets: of SEARCH: name in capitals to codec.
        fetch_lists: not a table: lists that were read before, see `fetch.fetch_items`.
    """

    commands: dict[bytes, Rule] = field(default_factory=dict)
    uid_commands: dict[bytes, Rule] = field(default_factory=dict)
    search_keys: dict[bytes, Parser[SearchKey]] = field(default_factory=dict)
    search_returns: dict[bytes, Parser[object]] = field(default_factory=dict)
    fetch_items: dict[bytes, Parser[FetchItem]] = field(default_factory=dict)
    fetch_modifiers: dict[bytes, Parser[object]] = field(default_factory=dict)
    store_modifiers: dict[bytes, Parser[object]] = field(default_factory=dict)
    select_parameters: dict[bytes, Parser[object]] = field(default_factory=dict)
    create_parameters: dict[bytes, Parser[object]] = field(default_factory=dict)
    list_selections: dict[bytes, Parser[object]] = field(default_factory=dict)
    list_returns: dict[bytes, Parser[object]] = field(default_factory=dict)
    status_items: dict[bytes, str] = field(default_factory=dict)
    named_sets: dict[bytes, SequenceSet] = field(default_factory=dict)
    system_flags: dict[str, str] = field(default_factory=dict)
    charsets: dict[bytes, str] = field(default_factory=dict)
    fetch_lists: dict[bytes, tuple[FetchItem, ...]] = field(default_factory=dict, repr=False)

    def add_command(self, name: str, rule: Rule) -> None:
        """Add a command; `UID NAME` for one behind UID.

        Raises:
            LocalProtocolError: the grammar has one of this name.
        """
        prefix, _, uid_name = name.partition(" ")
        if uid_name and prefix == "UID":
            add(self.uid_commands, uid_name, rule)
        else:
            add(self.commands, name, rule)


def add(table: dict[bytes, _T], word: str, value: _T) -> None:
    """Add a word to a table of the grammar.

    Raises:
        LocalProtocolError: the table has the word already, or it is not a word in upper case.
    """
    key = word.encode("ascii", "replace")
    if key != key.upper() or not key or b" " in key:
        raise LocalProtocolError(f"{word!r} is not a word in upper case")
    if key in table:
        raise LocalProtocolError(f"{word} is in the grammar already")
    table[key] = value


def nothing(_: Cursor) -> None:
    """The parser of a word without a value."""


def parameters(
    cursor: Cursor, table: Mapping[bytes, Parser[object]], maximum: int, what: str
) -> Parameters:
    """A parenthesised list of words of a table, each with its value, each once.

    Raises:
        CommandError: a word is unknown or comes twice.
    """
    values: dict[str, object] = {}

    def read(cursor: Cursor) -> None:
        word = cursor.word(what)
        parse = table.get(word)
        name = word.decode("ascii")
        if parse is None or name in values:
            cursor.refuse(f"unknown {what}" if parse is None else f"{what} given twice")
        values[name] = parse(cursor)

    cursor.items(read, maximum, what)
    return values or NO_PARAMETERS
