"""What one script may use while it is compiled, and what tags of a command can be.

Rules of this file:
1. What a tag means depends on the command and on what the script requires; one table for each
   command says who gives which tag.
2. With `ihave`, extensions may be there or not (RFC 5463 §4): see `conditional` and `hopeless`.
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
    """Something that a tag can be: who gives it, of which type its value is."""

    extension: str | None
    kind: str
    thing: Any
    type: str | None


@dataclass(slots=True)
class Scope:
    """What one script may use while it is compiled.

    Attributes:
        registry: of the engine.
        diag: where errors go.
        requires: what the script requires, with what comes along.
        conditional: what an `ihave` of the script may switch on.
        hopeless: what `ihave` tests of the script name and can't switch on; with any of these,
            what is unknown or theirs becomes a run-time error.
        namespaces: those of required extensions.
        transforms, interpolates: likewise.
        validates: command → validation that extensions add.
        always: command → side effects that are applied without their tags.
    """

    registry: Registry
    diag: Diagnostics
    requires: frozenset[str] = frozenset()
    conditional: frozenset[str] = frozenset()
    hopeless: frozenset[str] = frozenset()
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    transforms: Sequence[Callable[[str, Text, Diagnostics], str]] = ()
    interpolates: Sequence[Interpolate] = ()
    validates: dict[str, list[Validate]] = field(default_factory=dict)
    always: dict[str, list[SideEffect]] = field(default_factory=dict)

    def may_use(self, extension: str) -> bool:
        """Without condition."""
        return extension in self.requires or self.registry.extensions[extension].builtin

    def require(self, requires: frozenset[str], conditional: frozenset[str]) -> None:
        """Say what the script requires, and what follows from it."""
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
                    found = _when_enabled(effect, name) if name in conditional else effect
                    for command in effect.commands:
                        self.always.setdefault(command, []).append(found)


def _when_enabled(effect: SideEffect, capability: str) -> SideEffect:
    """The side effect of an extension that an `ihave` may switch on, or not. RFC 5463 §4."""

    def apply(rt: Runtime, action: Action, args: Args | None) -> None:
        if rt.enabled(capability):
            effect.apply(rt, action, args)

    return replace(effect, apply=apply)


def tag_table(registry: Registry, command: Command) -> dict[str, list[Option]]:
    """All that tags of this command can be, by name."""
    table: dict[str, list[Option]] = {}
    for name, extension, kind, thing, tag in _declared(registry, command):
        given = tag if isinstance(tag, Tag) else Tag(tag)
        option = Option(given.requires or extension, kind, thing, given.type)
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
    """Tags of the command itself, of extensions, of side effects, of modifiers."""
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
