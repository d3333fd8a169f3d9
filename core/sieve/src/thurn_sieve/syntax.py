"""The syntax tree as the parser leaves it: places, names, arguments; no meaning yet.

`Call` is a node whose arguments have been assigned to the declaration of its command; it is what
`validate(call, diag)` of an extension sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    """A string.

    Attributes:
        value: the text; line ends of multi-line strings are CRLF; encoded characters are put in.
        constant: false when variables have yet to be put in.
    """

    value: str
    line: int
    column: int
    constant: bool = True


@dataclass(frozen=True, slots=True)
class TextList:
    """A string list in brackets."""

    items: tuple[Text, ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number, its quantifier applied."""

    value: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class TagWord:
    """A tag, its name in lower case and without the colon."""

    name: str
    line: int
    column: int


Argument: TypeAlias = Text | TextList | Number | TagWord
Value: TypeAlias = Text | TextList | Number


@dataclass(slots=True)
class Node:
    """A command or a test.

    Attributes:
        name: in lower case.
        kind: what it stands for at its place.
        arguments: in order.
        tests: tests behind the arguments.
        listed: whether the tests stood in parentheses.
        block: the commands in braces, or None where a semicolon stood.
        broken: the parser has complained about it, or stopped inside it: what else is wrong with
            it follows from that and is not worth a line.
    """

    name: str
    kind: Literal["command", "test"]
    line: int
    column: int
    arguments: list[Argument] = field(default_factory=list)
    tests: list[Node] = field(default_factory=list)
    listed: bool = False
    block: list[Node] | None = None
    broken: bool = False


@dataclass(frozen=True, slots=True)
class MatchChoice:
    """Which matching the tags of a call ask for.

    Attributes:
        match_type: the name without colon (`contains`).
        operand: the string behind it (`:value "ge"`), if it takes one.
        comparator: the name (`i;ascii-casemap`).
    """

    match_type: str
    operand: str | None
    comparator: str


@dataclass(frozen=True, slots=True)
class Call:
    """A node with its arguments assigned.

    Attributes:
        name: of the command or test.
        positional: by the declaration's `positional`; None for an optional one not given.
        tags: those given; None for one without value.
        match: of a call whose declaration has `match`.
        requires: the capabilities that the script asks for.
        namespaces: of variables, those that it may use; a `registry.Namespace` each.
    """

    name: str
    line: int
    column: int
    positional: tuple[Value | None, ...]
    tags: Mapping[str, Value | None]
    match: MatchChoice | None
    requires: frozenset[str]
    namespaces: Mapping[str, Any]

    def literal(self, key: int | str) -> str | None:
        """The string at a position or behind a tag, if it is given and constant."""
        value = self.positional[key] if isinstance(key, int) else self.tags.get(key)
        return value.value if isinstance(value, Text) and value.constant else None

    def literals(self, key: int | str) -> tuple[Text, ...]:
        """The constant strings at a position or behind a tag, one string or a list."""
        value = self.positional[key] if isinstance(key, int) else self.tags.get(key)
        if isinstance(value, Text):
            return (value,) if value.constant else ()
        if isinstance(value, TextList):
            return tuple(item for item in value.items if item.constant)
        return ()
