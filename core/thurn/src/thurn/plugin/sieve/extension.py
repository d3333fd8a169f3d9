"""Makes an extension of Sieve from a function: its declaration, its checks, and its call.

Rules of this file:
1. The signature is evaluated once; a call only fetches the values.
2. A function that takes `delivery` is called when the message is delivered. The script's run only
   records the action, like every other (RFC 5228 §2.10).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any, ClassVar, Literal

from thurn_sieve.context import Context
from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.registry import Command, Extension
from thurn_sieve.result import Action, Executor
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.syntax import Call

from thurn.contracts.delivery import Delivery
from thurn.plugin.sieve.grammar import REQUIRED, Grammar
from thurn.plugin.sieve.match import Match

Function = Callable[..., Any]
Values = Callable[[Runtime, Args], dict[str, Any]]
Act = Callable[[Delivery], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class FunctionAction(Action):
    """An action that calls a function, which uses the verbs of a delivery.

    Attributes:
        act: the function with its arguments.
    """

    replaces_keep: ClassVar[bool] = False
    act: Act = field(repr=False)

    @property
    def cancels_keep(self) -> bool:
        """What its decorator says. RFC 5228 §2.10.2."""
        return self.replaces_keep

    async def perform(self, executor: Executor, context: Context) -> None:
        """Call the function with a delivery from the executor's `lend_delivery`. If it does not
        dispose of the message, the implicit keep stays.

        Raises:
            NotImplementedError: the executor has no delivery.
        """
        lend = getattr(executor, "lend_delivery", None)
        if lend is None:
            raise NotImplementedError(f"{self.name} needs a delivery")
        decided = await lend(self.message, self.act)
        # A message that the function has not disposed of must not be lost.
        self.ignored = self.replaces_keep and not decided


def test_extension(capability: str, grammar: Grammar, function: Function) -> Extension:
    """An extension with one test."""
    values = _values(grammar)
    if iscoroutinefunction(function):

        async def run(rt: Runtime, args: Args) -> bool:
            return bool(await function(**values(rt, args)))
    else:

        def run(rt: Runtime, args: Args) -> bool:  # type: ignore[misc] # one form for both
            return bool(function(**values(rt, args)))

    return _extension(capability, grammar, "test", run)


def command_extension(
    capability: str, grammar: Grammar, function: Function, *, cancels_keep: bool
) -> Extension:
    """An extension with one action."""
    values = _values(grammar)
    if "delivery" in grammar.given:
        run = _recording(grammar.word, values, function, cancels_keep=cancels_keep)
    elif iscoroutinefunction(function):

        async def run(rt: Runtime, args: Args) -> None:
            await function(**values(rt, args))
    else:

        def run(rt: Runtime, args: Args) -> None:
            function(**values(rt, args))

    return _extension(capability, grammar, "command", run)


def _recording(word: str, values: Values, function: Function, *, cancels_keep: bool) -> Function:
    """A function that records the action, which calls the plugin's function later."""

    class WordAction(FunctionAction):
        """The actions of this word."""

        __slots__ = ()
        name = word
        replaces_keep = cancels_keep

    waits = iscoroutinefunction(function)

    def run(rt: Runtime, args: Args) -> None:
        arguments = values(rt, args)

        async def act(delivery: Delivery) -> None:
            answer = function(delivery=delivery, **arguments)
            if waits:
                await answer

        rt.act(WordAction(act=act), args)

    return run


def _extension(
    capability: str, grammar: Grammar, kind: Literal["command", "test"], run: Function
) -> Extension:
    positional = [
        f"{argument.type}{'' if argument.default is REQUIRED else '?'}"
        for argument in grammar.positional
    ]
    command = Command(
        grammar.word,
        positional,
        {argument.word: argument.type for argument in grammar.tags},
        kind,
        run,
        validate=_validation(grammar),
        match=bool(grammar.match),
    )
    return Extension(capability, commands=[command])


def _validation(grammar: Grammar) -> Callable[[Call, Diagnostics], None] | None:
    """A check that the tags without a default are given; None: all have one."""
    required = [argument.word for argument in grammar.tags if argument.default is REQUIRED]
    if not required:
        return None

    def validate(call: Call, diag: Diagnostics) -> None:
        for word in required:
            if word not in call.tags:
                diag.error(f"{call.name} needs :{word}", call, "missing-argument")

    return validate


def _values(grammar: Grammar) -> Values:
    """A function that fetches the arguments by their names, except for `delivery`."""
    positional = [(one.parameter, one.default) for one in grammar.positional]
    tags = [(one.parameter, one.word, one.default) for one in grammar.tags]
    given: Mapping[str, Callable[[Runtime, Args], Any]] = {
        **{name: _GIVEN[name] for name in grammar.given if name in _GIVEN},
        **({grammar.match: Match} if grammar.match else {}),
    }

    def values(rt: Runtime, args: Args) -> dict[str, Any]:
        arguments = {name: make(rt, args) for name, make in given.items()}
        for (name, default), value in zip(positional, args.positional, strict=True):
            arguments[name] = default if value is None else value
        for name, word, default in tags:
            arguments[name] = args.tags.get(word, default)
        return arguments

    return values


_GIVEN: Mapping[str, Callable[[Runtime, Args], Any]] = {
    "rt": lambda rt, _: rt,
    "args": lambda _, args: args,
}
