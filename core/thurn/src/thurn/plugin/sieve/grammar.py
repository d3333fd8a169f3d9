"""The signature of a function is the grammar of its command or test; it is read by the decorator.

Rules of this file:
1. Ordinary parameters are positional arguments, in order; those with a default may be left out.
2. Keyword-only parameters are tags (`zone` is `:zone`). A bool is a tag without a value; any other
   tag without a default is required. A trailing underscore is not part of the name (`from_`).
3. The types are `str`, `int`, `tuple[str, ...]`, and each with `| None`. An argument that is left
   out has the default.
4. A signature that does not fit is a PluginError with file and line, at import.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from thurn.contracts.settings import NoSettings, Settings
from thurn.hooks.source import source_of
from thurn.plugin.sieve.match import Match
from thurn.plugin.signature import CONSTANT, model_of, read_parameters
from thurn.types.errors import PluginError

REQUIRED: Final = inspect.Parameter.empty
"""The default of an argument that has none."""
TYPES: Final = {str: "string", int: "number", tuple[str, ...]: "string-list"}
FLAG: Final = None
"""The type of a tag without a value."""
_MATCHING: Final = frozenset(
    {"comparator", "is", "contains", "matches", "count", "value", "regex", "list"}
)
"""The tags that a Match adds."""
_IDENTIFIER: Final = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Argument:
    """A positional argument or a tag.

    Attributes:
        parameter: the name of the function's parameter.
        word: the tag's name without the colon; "": a positional argument.
        type: a type of `thurn_sieve.registry`; FLAG: a tag without a value.
        default: the value if it is left out; REQUIRED: it must not be left out.
    """

    parameter: str
    word: str
    type: str | None
    default: Any


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a function takes.

    Attributes:
        word: the name of the command or test.
        settings: the model of its section.
        constants: those of `config` and `context` that it takes.
        given: those of the role's other values that it takes.
        positional: the positional arguments, in order.
        tags: the tags, in order.
        match: the parameter that gets the matcher; "": no parameter gets it.
        source: `file:line` of its code.
    """

    word: str
    settings: type[Settings]
    constants: tuple[str, ...]
    given: tuple[str, ...]
    positional: tuple[Argument, ...]
    tags: tuple[Argument, ...]
    match: str
    source: str


def read_grammar(
    function: Callable[..., Any],
    offered: Collection[str],
    names: dict[str, Any] | None = None,
    word: str = "",
) -> Grammar:
    """The grammar of a function.

    Args:
        function: the plugin.
        offered: the names of parameters that are not arguments of the script.
        names: the caller's local names, for annotations.
        word: the name of the command or test; "": the function's name.

    Raises:
        PluginError: the signature is not a grammar.

    RFC 5228 §2.6.
    """
    source = source_of(function)
    reader = _Reader(source, frozenset(offered))
    for parameter in read_parameters(function, source, names).values():
        reader.take(parameter)
    word = word or _word(getattr(function, "__name__", ""))
    if not _IDENTIFIER.fullmatch(word):
        text = "is not a word of Sieve: write lower-case letters, digits, _"
        raise PluginError(f"{source}: {word!r} {text}")
    reader.judge()
    return Grammar(
        word,
        reader.settings,
        tuple(reader.constants),
        tuple(reader.given),
        tuple(reader.positional),
        tuple(reader.tags),
        reader.match,
        source,
    )


class _Reader:
    """Reads one parameter after the other."""

    def __init__(self, source: str, offered: frozenset[str]) -> None:
        self._source = source
        self._offered = offered
        self.settings: type[Settings] = NoSettings
        self.constants: list[str] = []
        self.given: list[str] = []
        self.positional: list[Argument] = []
        self.tags: list[Argument] = []
        self.match = ""

    def take(self, parameter: inspect.Parameter) -> None:
        """Find out what a parameter is, and add it."""
        name = parameter.name
        if name in CONSTANT:
            self.constants.append(name)
            if name == "config":
                self.settings = model_of(parameter, self._source)
        elif name in self._offered:
            self.given.append(name)
        elif parameter.annotation is Match:
            if self.match:
                raise PluginError(f"{self._source}: {name!r} is a second Match")
            self.match = name
        elif parameter.kind is parameter.KEYWORD_ONLY:
            self.tags.append(self._tag(parameter))
        else:
            self.positional.append(self._positional(parameter))

    def _tag(self, parameter: inspect.Parameter) -> Argument:
        name, word = parameter.name, _word(parameter.name)
        if not _IDENTIFIER.fullmatch(word):
            text = "is not a tag: write lower-case letters, digits, _"
            raise PluginError(f"{self._source}: {name!r} {text}")
        if parameter.annotation is bool:
            if parameter.default is not False:
                # A tag that is left out is false, and a script cannot negate one.
                raise PluginError(f"{self._source}: the tag {name!r} must have the default False")
            return Argument(name, word, FLAG, False)
        return Argument(name, word, self._type(parameter), parameter.default)

    def _positional(self, parameter: inspect.Parameter) -> Argument:
        name = parameter.name
        if parameter.annotation is bool:
            raise PluginError(
                f"{self._source}: {name!r} is a flag and must be a tag: put it behind `*`"
            )
        return Argument(name, "", self._type(parameter), parameter.default)

    def _type(self, parameter: inspect.Parameter) -> str:
        annotation = parameter.annotation
        if get_origin(annotation) in (Union, UnionType):
            rest = [one for one in get_args(annotation) if one is not type(None)]
            annotation = rest[0] if len(rest) == 1 else annotation
        for known, name in TYPES.items():
            if annotation == known:
                return name
        choice = "str, int, tuple[str, ...] or Match"
        others = ", ".join(sorted([*self._offered, *CONSTANT]))
        raise PluginError(
            f"{self._source}: annotate {parameter.name!r} with {choice}"
            f" (a tag may be a bool); these are not arguments of the script: {others}"
        )

    def judge(self) -> None:
        """Raise PluginError if the parameters do not fit together."""
        words = [argument.word for argument in self.tags]
        if self.match:
            if not self.positional or self.positional[-1].type != "string-list":
                raise PluginError(
                    f"{self._source}: with a Match the last argument is the keys: tuple[str, ...]"
                )
            if self.positional[-1].default is not REQUIRED:
                raise PluginError(f"{self._source}: the keys of a Match have no default")
            words += _MATCHING
        twice = {word for word in words if words.count(word) > 1}
        if twice:
            raise PluginError(f"{self._source}: two tags are called {min(twice)!r}")


def _word(name: str) -> str:
    """The word of a parameter's name, which may end in "_" because Python has reserved the word."""
    return name.rstrip("_").lower()
