"""All extensions of a listener as one: the tables that are looked up while commands run.

Rules of this file: the tables are filled once, when the listener opens, and only read afterwards; a
key that two extensions claim is an error that names both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from operator import attrgetter
from typing import Any, Final

from thurn.plugin import PluginError
from thurn_wire.error import LocalProtocolError
from thurn_wire.imap.command import Command
from thurn_wire.imap.grammar.registry import Grammar

from thurn_listener_imap.contract import ImapConversation
from thurn_listener_imap.extension import ImapExtension
from thurn_listener_imap.fetch.plan import Compiler

BASE: Final = "the base"
"""How messages name the owner of the commands that no extension has."""

_WORDS: Final = (
    "search_returns",
    "named_sets",
    "list_selections",
    "list_returns",
    "status_items",
    "select_parameters",
    "create_parameters",
)
"""Tables of the grammar whose words are keys of the extension's table of the same name."""


class Extensions:
    """The tables of all extensions.

    Args:
        extensions: in the order in which their capabilities and responses come.
        grammar: the base grammar, to which they add their words.
        base_commands: what no extension may claim.

    Raises:
        PluginError: two extensions have one name or claim one key, or an extension adds a word and
            does not say what it does.
    """

    def __init__(
        self,
        extensions: Iterable[ImapExtension],
        grammar: Grammar,
        base_commands: Collection[type[Command]] = (),
    ) -> None:
        self.all = tuple(extensions)
        self.grammar = grammar
        names: set[str] = set()
        for extension in self.all:
            if extension.name in names:
                raise PluginError(f"two IMAP extensions have the name {extension.name}")
            names.add(extension.name)
            self._add_words(extension)
        self.enables = self._merged("enables")
        self.commands = self._merged("commands", base_commands)
        self.search_keys = self._merged("search_keys")
        self.search_returns = self._merged("search_returns")
        self.named_sets = self._merged("named_sets")
        self.list_selections = self._merged("list_selections")
        self.list_returns = self._merged("list_returns")
        self.status_items = self._merged("status_items")
        self.select_parameters = self._merged("select_parameters")
        self.create_parameters = self._merged("create_parameters")
        self.list_attributes = self._joined("list_attributes")
        self.select_responses = self._joined("select_responses")
        self.update_responses = self._joined("update_responses")
        self.plan = Compiler(self._merged("fetch_items")).plan

    def capabilities(self, conversation: ImapConversation) -> list[str]:
        """What the client is announced now, each word once."""
        words = (extension.capabilities(conversation) for extension in self.all)
        return list(dict.fromkeys(chain.from_iterable(words)))

    def _add_words(self, extension: ImapExtension) -> None:
        if extension.grammar is None:
            return
        known = {table: set(getattr(self.grammar, table)) for table in _WORDS}
        try:
            extension.grammar(self.grammar)
        except LocalProtocolError as error:
            raise PluginError(f"IMAP extension {extension.name}: {error}") from error
        for table, words in known.items():
            for word in set(getattr(self.grammar, table)) - words:
                if word.decode() not in getattr(extension, table):
                    raise PluginError(
                        f"IMAP extension {extension.name} adds {word.decode()} to the grammar and "
                        f"has no {table} of it"
                    )

    def _merged(self, table: str, of_the_base: Iterable[Any] = ()) -> Mapping[Any, Any]:
        merged: dict[Any, Any] = {}
        owners: dict[Any, str] = dict.fromkeys(of_the_base, BASE)
        entries = attrgetter(table)
        for extension in self.all:
            for key, value in entries(extension).items():
                if key in owners:
                    raise PluginError(
                        f"two IMAP extensions have {table} of {key}: {owners[key]} and "
                        f"{extension.name}"
                    )
                merged[key] = value
                owners[key] = extension.name
        return merged

    def _joined(self, field: str) -> tuple[Any, ...]:
        return tuple(chain.from_iterable(map(attrgetter(field), self.all)))
