"""The extensions that one script may use while it is compiled, and the meanings of tags.

Rules of this file:
1. The meaning of a tag depends on the command and on what the script requires; one table for each
   command says which extension gives which tag.
2. With `ihave`, an extension may be available or not (RFC 5463 §4): see `conditional` and
   `unavailable`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from thurn_sieve.diagnostics import Diagnostics
from thurn_sieve.registry import (
    Command,
    Interpolate,
    Namespace,
    Registry,
    SideEffect,
    Tag,
    TagType,
    Validate,
)
from thurn_sieve.result import Action
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.syntax import Text


class Option(NamedTuple):
    """One meaning of a tag.

    Attributes:
        extension: the extension that gives it; None if the command itself does.
        kind: `tag`, `comparator`, `match`, `part`, `effect` or `modifier`.
        thing: the match type, address part, side effect or modifier of that kind; otherwise None.
        type: the argument type of its value; None if it has no value.
    """

    extension: str | None
    kind: str
    thing: Any
    type: str | None


@dataclass(slots=True)
class Scope:
    """The extensions that one script may use while it is compiled.

    Attributes:
        registry: the extensions of the engine.
        diag: the collector of errors and warnings.
        requires: the capabilities that the script requires, with those that they imply.
        conditional: the capabilities that an `ihave` of the script may enable.
        unavailable: the capabilities that `ihave` tests of the script name but cannot enable. If
            there are any, names that are unknown and things of these extensions become run-time
            errors.
        namespaces: the namespaces of variables of required extensions.
        transforms: the functions of required extensions that change strings at compile time.
        interpolates: the functions of required extensions that find variables in strings.
        validates: name of a command → validations that extensions add to it.
        always: name of a command → side effects that apply without their tags.
    """

    registry: Registry
    diag: Diagnostics
    requires: frozenset[str] = frozenset()
    conditional: frozenset[str] = frozenset()
    unavailable: frozenset[str] = frozenset()
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    transforms: Sequence[Callable[[str, Text, Diagnostics], str]] = ()
    interpolates: Sequence[Interpolate] = ()
    validates: dict[str, list[Validate]] = field(default_factory=dict)
    always: dict[str, list[SideEffect]] = field(default_factory=dict)

    def may_use(self, extension: str) -> bool:
        """Whether the script may use the extension without an `ihave` test."""
        return extension in self.requires or self.registry.extensions[extension].builtin

    def require(self, requires: frozenset[str], conditional: frozenset[str]) -> None:
        """Set the capabilities that the script requires, and everything that follows from them."""
        self.requires, self.conditional = requires, conditional
        extensions = self.registry.extensions.items()
        active = [e for name, e in extensions if e.builtin or name in requires]
        self.namespaces = {
            prefix: namespace
            for extension in active
            for prefix, namespace in extension.namespaces.items()
        }
        self.transforms = [e.transform for e in active if e.transform is not None]
        self.interpolates = [e.interpolate for e in active if e.interpolate is not None]
        for name in (*(e.name for e in active), *sorted(conditional)):
            extension = self.registry.extensions[name]
            for command, validate in extension.validates_for.items():
                self.validates.setdefault(command, []).append(validate)
            for effect in extension.side_effects:
                if effect.always:
                    applied = _when_enabled(effect, name) if name in conditional else effect
                    for command in effect.commands:
                        self.always.setdefault(command, []).append(applied)


def _when_enabled(effect: SideEffect, capability: str) -> SideEffect:
    """The side effect, applied only if an `ihave` has enabled its extension. RFC 5463 §4."""

    def apply(rt: Runtime, action: Action, args: Args | None) -> None:
        if rt.enabled(capability):
            effect.apply(rt, action, args)

    return replace(effect, apply=apply)


def tag_table(registry: Registry, command: Command) -> dict[str, list[Option]]:
    """All meanings of each tag of this command, by the name of the tag."""
    table: dict[str, list[Option]] = {}
    for name, extension, kind, thing, declared in _declared(registry, command):
        tag = declared if isinstance(declared, Tag) else Tag(declared)
        option = Option(tag.requires or extension, kind, thing, tag.type)
        table.setdefault(name, []).append(option)
    if command.match:
        table.setdefault("comparator", []).append(Option(None, "comparator", None, "constant"))
        for name, entry in registry.match_types.items():
            operand = "constant" if entry.thing.operand else None
            option = Option(entry.extension, "match", entry.thing, operand)
            table.setdefault(name, []).append(option)
    if command.address_part:
        for name, entry in registry.address_parts.items():
            option = Option(entry.extension, "part", entry.thing, None)
            table.setdefault(name, []).append(option)
    return table


def _declared(
    registry: Registry, command: Command
) -> Iterator[tuple[str, str | None, str, Any, TagType]]:
    """The tags of the command itself, of extensions, of side effects and of modifiers.

    Each with its extension, its kind, the thing that it stands for, and its type.
    """
    for name, tag in command.tags.items():
        yield name, None, "tag", None, tag
    for extension in registry.extensions.values():
        for name, tag in extension.tags_for.get(command.name, {}).items():
            yield name, extension.name, "tag", None, tag
    for entry in registry.side_effects:
        if command.name in entry.thing.commands:
            yield entry.thing.tag, entry.extension, "effect", entry.thing, entry.thing.type
    for entry in registry.modifiers:
        if command.name in entry.thing.commands:
            for name, tag in entry.thing.tags.items():
                yield name, entry.extension, "modifier", entry.thing, tag
