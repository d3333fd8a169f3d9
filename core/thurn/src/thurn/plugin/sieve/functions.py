"""The decorators that make a function a test or an action of Sieve.

    @sieve_test("vnd.example.office-hours")
    def office_hours(rt: Runtime, *, start: int = 9, end: int = 17) -> bool:
        return rt.context.now.isoweekday() < 6 and start <= rt.context.now.hour < end

A script says `require "vnd.example.office-hours"; if office_hours :end 18 { … }`; the site says
`[sieve.office-hours]` `type = "office-hours"`, and `extensions = ["office-hours"]` in its section
`[delivery.sieve]`. How a signature is read is in `grammar`.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from thurn.contracts.factory import Factory
from thurn.contracts.settings import Settings
from thurn.hooks.source import source_of
from thurn.plugin.sieve.grammar import Grammar, read_grammar
from thurn.plugin.signature import callers_names
from thurn.types.errors import PluginError

if TYPE_CHECKING:
    from thurn_sieve.registry import Extension

Function = Callable[..., Any]
Decorator = Callable[[Function], Factory]
Make = Callable[[str, Grammar, Function], "Extension"]

ROLE: Final = "sieve"
_CAPABILITY: Final = re.compile(r"[a-z0-9][a-z0-9.;_-]*")


def sieve_test(capability: str, *, word: str = "") -> Decorator:
    """A test. Besides the script's arguments the function may take `rt` (the run: `rt.view`,
    `rt.context.now` …) and `args`; it returns a bool.

    Args:
        capability: what scripts require; the part behind its last dot is the plugin's type.
        word: the test's name in scripts; "": the function's name.

    Raises:
        PluginError: the signature is not a grammar; the text has file and line.

    RFC 5228 §2.4.2, §2.6.
    """
    names = callers_names()

    def make(capability: str, grammar: Grammar, function: Function) -> Extension:
        from thurn.plugin.sieve.extension import test_extension  # noqa: PLC0415 - needs thurn_sieve

        return test_extension(capability, grammar, function)

    def decorate(function: Function) -> Factory:
        grammar = read_grammar(function, ("rt", "args"), names, word)
        return _factory(capability, grammar, function, make)

    return decorate


def sieve_command(capability: str, *, word: str = "", cancels_keep: bool = False) -> Decorator:
    """An action. The function takes `delivery`, and is called when the message is delivered to use
    its verbs; or it takes `rt` (and `args`), and is called while the script runs: `rt.act(…)`.

    Args:
        capability: what scripts require; the part behind its last dot is the plugin's type.
        word: the command's name in scripts; "": the function's name.
        cancels_keep: whether the action replaces the implicit keep (RFC 5228 §2.10.2). A message
            that the function has not disposed of is kept all the same. Only with `delivery`.

    Raises:
        PluginError: the signature is not a grammar; the text has file and line.

    RFC 5228 §2.6, §2.10.
    """
    names = callers_names()

    def make(capability: str, grammar: Grammar, function: Function) -> Extension:
        from thurn.plugin.sieve.extension import command_extension  # noqa: PLC0415 - likewise

        return command_extension(capability, grammar, function, cancels_keep=cancels_keep)

    def decorate(function: Function) -> Factory:
        grammar = read_grammar(function, ("rt", "args", "delivery"), names, word)
        later = "delivery" in grammar.given
        if later and len(grammar.given) > 1:
            raise PluginError(
                f"{grammar.source}: `delivery` comes after the script's run, `rt` and `args`"
                " belong to it: take one"
            )
        if cancels_keep and not later:
            raise PluginError(f"{grammar.source}: cancels_keep is for functions with `delivery`")
        if grammar.match:
            raise PluginError(f"{grammar.source}: a Match is for tests")
        return _factory(capability, grammar, function, make)

    return decorate


def _factory(capability: str, grammar: Grammar, function: Function, make: Make) -> Factory:
    type_name = capability.rpartition(".")[2]
    if not _CAPABILITY.fullmatch(capability) or not type_name:
        raise PluginError(f"{source_of(function)}: {capability!r} is not a capability of Sieve")

    @asynccontextmanager
    async def open_extension(config: Settings, context: Any) -> AsyncIterator[Extension]:  # noqa: ANN401
        constants = {"config": config, "context": context}
        bound = {name: constants[name] for name in grammar.constants}
        yield make(capability, grammar, partial(function, **bound) if bound else function)

    return Factory(ROLE, type_name, grammar.settings, open_extension, grammar.source)
