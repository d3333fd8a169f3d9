"""All extensions of a listener as one: what is looked up while commands run.

Rules of this file: filled once, when the listener opens, and then only read; a key that two
extensions claim is an error that names both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any

from thurn.plugin import PluginError
from thurn_wire.imap.error import LocalProtocolError
from thurn_wire.imap.grammar.registry import Grammar

from thurn_listener_imap.extension import ImapExtension
from thurn_listener_imap.fetch.plan import Compiler


class Extensions:
    """See the module.

    Args:
        extensions: in the order in which their capabilities and responses come.
        grammar: the base grammar, to which they add their words.

    Raises:
        PluginError: two extensions have one name, or claim one key.
    """

    def __init__(self, extensions: Iterable[ImapExtension], grammar: Grammar) -> None:
        self.all = tuple(extensions)
        self.grammar = grammar
        names: dict[str, str] = {}
        for extension in self.all:
            if extension.name in names:
                raise PluginError(f"two IMAP extensions have the name {extension.name}")
            names[extension.name] = extension.name
            self._extend(extension)
        self.enables = self._merged("enables")
        self.commands = self._merged("commands")
        self.search_keys = self._merged("search_keys")
        self.search_returns = self._merged("search_returns")
        self.list_selections = self._merged("list_selections")
        self.list_returns = self._merged("list_returns")
        self.status_items = self._merged("status_items")
        self.select_parameters = self._merged("select_parameters")
        self.select_responses = tuple(c for e in self.all for c in e.select_responses)
        self.update_responses = tuple(c for e in self.all for c in e.update_responses)
        self.plan = Compiler(self._merged("fetch_items")).plan

    def _extend(self, extension: ImapExtension) -> None:
        if extension.grammar is None:
            return
        try:
            extension.grammar(self.grammar)
        except LocalProtocolError as error:
            raise PluginError(f"IMAP extension {extension.name}: {error}") from error

    def _merged(self, table: str) -> Mapping[Any, Any]:
        merged: dict[Any, Any] = {}
        owners: dict[Any, str] = {}
        entries = attrgetter(table)
        for extension in self.all:
            for key, value in entries(extension).items():
                if key in merged:
                    raise PluginError(
                        f"two IMAP extensions have {table} of {key}: {owners[key]} and "
                        f"{extension.name}"
                    )
                merged[key] = value
                owners[key] = extension.name
        return merged
