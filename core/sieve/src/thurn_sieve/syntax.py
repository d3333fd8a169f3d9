"""The syntax tree as the parser makes it: places, names and arguments, without their meaning.

`Call` is a node whose arguments are assigned to the declaration of its command; `validate(call,
diag)` of an extension gets one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    """A string.

    Attributes:
        value: the text with CRLF at its line ends; in a `Call`, encoded characters are decoded.
        constant: false if variables are put in at run time.
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
    """A number; a quantifier (K, M, G) is already applied."""

    value: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class TagWord:
    """A tag; its name is in lower case and without the colon."""

    name: str
    line: int
    column: int


Argument: TypeAlias = Text | TextList | Number | TagWord
Value: TypeAlias = Text | TextList | Number


@dataclass(slots=True)
class Node:
    """A command or a test.

    Attributes:
        name: the name in lower case.
        kind: whether it stands where a command or where a test is expected.
        arguments: the arguments in order.
        tests: the tests after the arguments.
        listed: whether the tests are in parentheses.
        block: the commands in braces, or None if there is a semicolon instead.
        broken: whether the parser has reported an error in it or has stopped inside it; further
            errors of this node would only follow from that one and are not reported.
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
    """The kind of matching that a call uses.

    Attributes:
        match_type: the name of the match type without its colon (`contains`).
        operand: the string after it (`:value "ge"`); None if it takes none.
        comparator: the name of the comparator (`i;ascii-casemap`).
    """

    match_type: str
    operand: str | None
    comparator: str


@dataclass(frozen=True, slots=True)
class Call:
    """A node whose arguments are assigned to the declaration of its command or test.

    Attributes:
        name: the name of the command or test.
        positional: one value for each type in the declaration's `positional`; None for an optional
            argument that is not given.
        tags: the tags that are given, with their values; None for a tag without a value.
        match: the matching, for a declaration with `match`; otherwise None.
        requires: the capabilities that the script requires, with those that they imply.
        namespaces: the namespaces of variables that the script may use (`registry.Namespace`).
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
        """The string at a position or after a tag, if it is given and constant."""
        value = self.positional[key] if isinstance(key, int) else self.tags.get(key)
        return value.value if isinstance(value, Text) and value.constant else None

    def literals(self, key: int | str) -> tuple[Text, ...]:
        """The constant strings at a position or after a tag, of one string or of a list."""
        value = self.positional[key] if isinstance(key, int) else self.tags.get(key)
        if isinstance(value, Text):
            return (value,) if value.constant else ()
        if isinstance(value, TextList):
            return tuple(item for item in value.items if item.constant)
        return ()
