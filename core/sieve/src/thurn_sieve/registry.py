"""What an extension declares, and the set of extensions of an engine. Declarations are data.

Argument types of `positional` and of tags:

    string         any string, variables put in            args.text(...)
    constant       a string without variables              args.text(...)
    string-list    one string or a list                    args.texts(...)
    constant-list  the same, without variables             args.texts(...)
    number         a number                                args.number(...)
    None           a tag without value                     args.has(...)

A `?` behind a positional type makes it optional (`"string?"`): with fewer arguments given the
optional ones are left out from the left. `match` in `positional` is short for `match=True`.

`run` is called with `(rt, args)`, and `(rt, args, run_block)` for a command with a block; it may be
a coroutine function (then the script waits for it) or an ordinary one (then nothing ever waits). A
test gives a bool. This module knows no runtime: what is called gets a `runtime.Runtime` as `rt` and
a `runtime.Args` as `args`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from thurn_sieve.context import HeaderField
    from thurn_sieve.diagnostics import Diagnostics
    from thurn_sieve.syntax import Call, Text

TYPES: Final = frozenset({"string", "constant", "string-list", "constant-list", "number"})
KINDS: Final = frozenset({"command", "test", "both"})

Validate: TypeAlias = "Callable[[Call, Diagnostics], None]"
Run: TypeAlias = "Callable[..., Any]"
Template: TypeAlias = "Callable[..., str]"
Interpolate: TypeAlias = "Callable[[Text, Mapping[str, Namespace], Diagnostics], Template | None]"
Compose: TypeAlias = "Callable[..., Any]"
TagType: TypeAlias = "str | Tag | None"


class RegistryError(ValueError):
    """Two extensions give the same thing, or a declaration makes no sense."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged argument.

    Attributes:
        type: an argument type, or None for a tag without value.
        requires: a capability without which this tag may not be used.
    """

    type: str | None = None
    requires: str | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A command (action or control), a test, or both under one name.

    Attributes:
        name: in lower case.
        positional: types in order.
        tags: name without colon → type.
        kind: `command`, `test` or `both`.
        run: what it does; see the module.
        validate: called after the arguments are known to fit, with literals to look at.
        block: whether braces follow.
        tests: how many tests follow the arguments: 0, 1, or -1 for a list.
        match: takes a match type and a comparator; `args.match` is the matcher.
        address_part: takes an address part; `args.address_part` is it.
        where: `any`, or `toplevel` for what may not stand inside a block.
        exclusive: sets of tags of which one call may have one.
        default_comparator: what matching uses without `:comparator`.
        compose: instead of `run`, for a test made of tests alone: their code into its code.
    """

    name: str
    positional: Sequence[str] = ()
    tags: Mapping[str, TagType] = field(default_factory=dict)
    kind: Literal["command", "test", "both"] = "command"
    run: Run | None = None
    validate: Validate | None = None
    block: bool = False
    tests: int = 0
    match: bool = False
    address_part: bool = False
    where: Literal["any", "toplevel"] = "any"
    exclusive: Sequence[Sequence[str]] = ()
    default_comparator: str = "i;ascii-casemap"
    compose: Compose | None = None

    def __post_init__(self) -> None:
        if "match" in self.positional:
            object.__setattr__(self, "match", True)
            rest = tuple(kind for kind in self.positional if kind != "match")
            object.__setattr__(self, "positional", rest)
        for kind in self.positional:
            if kind.removesuffix("?") not in TYPES:
                raise RegistryError(f"{self.name}: no such argument type: {kind}")
        if self.kind not in KINDS or self.name != self.name.lower():
            raise RegistryError(f"{self.name}: bad kind, or a name with capitals")
        if self.block and self.run is not None and not iscoroutinefunction(self.run):
            raise RegistryError(f"{self.name}: the run of a command with a block must be async")


@dataclass(frozen=True, slots=True)
class Comparator:
    """A collation (RFC 4790).

    Attributes:
        name: `i;octet`.
        normalise: two strings are equal if their normal forms are; None: no string of this order
            (it equals nothing).
        order: a sortable key for `:value`; without it the normal form.
        substring: whether `:contains` and `:matches` make sense.
        keeps_length: whether the normal form has a character for each of the original.
        octets: whether `?` is one octet of UTF-8, not one character (RFC 5228 §2.7.1).
    """

    name: str
    normalise: Callable[[str], str]
    order: Callable[[str], Any] | None = None
    substring: bool = True
    keeps_length: bool = True
    octets: bool = False


Predicate: TypeAlias = "Callable[[str], bool | Sequence[str]]"


@dataclass(frozen=True, slots=True)
class MatchType:
    """A way to compare a value with a key.

    Attributes:
        name: `contains`.
        prepare: `(comparator, key, operand) -> predicate`; the predicate gets each value and says
            whether it matches, or gives the match values (the whole first) that `${0}` ... show. A
            predicate may be a coroutine function if `waits` is set; one that is slower than a
            search in C has an attribute `weight`, how many times.
        operand: whether a string follows the tag (`:value "ge"`).
        operands: what that string may be; empty: anything.
        substring: needs a comparator with substrings.
        aggregate: turns all values into those to compare (`:count`).
        validate_key: called with each constant key; gives a complaint or None.
        waits: the predicate is a coroutine function.
        captures: the predicate gives match values.
    """

    name: str
    prepare: Callable[[Comparator, str, str | None], Predicate]
    operand: bool = False
    operands: frozenset[str] = frozenset()
    substring: bool = False
    aggregate: Callable[[Sequence[str]], Sequence[str]] | None = None
    validate_key: Callable[[str], str | None] | None = None
    waits: bool = False
    captures: bool = False


@dataclass(frozen=True, slots=True)
class AddressPart:
    """Which part of an address is compared.

    Attributes:
        name: the tag.
        get: `(rt, address) -> str`; None: it has no such part.
    """

    name: str
    get: Callable[..., str | None]


@dataclass(frozen=True, slots=True)
class Modifier:
    """Tags that change which header fields a test looks at (`:index`, `:mime`).

    Attributes:
        tags: as of a command.
        commands: the tests that take them.
        apply: `(rt, args, names, fields) -> fields`, called when one of the tags is given.
        validate: as of a command.
    """

    tags: Mapping[str, TagType]
    commands: Sequence[str]
    apply: Callable[..., Sequence[HeaderField]]
    validate: Validate | None = None


@dataclass(frozen=True, slots=True)
class SideEffect:
    """A tag on actions (`:copy`, `:flags`, `:create`) that changes it before it is recorded.

    Attributes:
        tag: without colon.
        type: of its value.
        commands: the actions that take it.
        apply: `(rt, action, args)`; changes the action.
        always: also called when the tag isn't given (and for the implicit keep, with args None),
            as long as the extension is required.
        validate: as of a command.
    """

    tag: str
    type: str | None
    commands: Sequence[str]
    apply: Callable[..., None]
    always: bool = False
    validate: Validate | None = None


@dataclass(frozen=True, slots=True)
class Namespace:
    """Variables of an extension: `${env.vnd.x}`. RFC 5229 §3.

    Attributes:
        get: `(rt, name) -> value`; None: no such variable, which is the empty string.
        set: `(rt, name, value)`; None: read-only.
    """

    get: Callable[..., str | None]
    set: Callable[..., None] | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """What `require` makes available under one name.

    Attributes:
        name: the capability.
        commands: commands and tests.
        comparators: by their names.
        match_types: by their tags.
        modifiers: see `Modifier`.
        address_parts: by their tags.
        namespaces: first part of the variable's name → namespace.
        environment: item → `(rt) -> str | None`, for `environment` tests. RFC 5183.
        notify_methods: URI scheme → method. RFC 5435.
        side_effects: see `SideEffect`.
        tags_for: more tags for existing commands and tests.
        validates_for: more validation for existing commands and tests.
        implies: capabilities that come along.
        builtin: there without `require`.
        hidden: not listed in `Registry.capabilities`.
        by_ihave: whether `ihave` may switch it on; not for what changes how scripts are read.
        transform: `(text, place, diag) -> text`, changes each string at compile time.
        interpolate: `(text, namespaces, diag) -> template or None`, finds what to put in at run
            time; a template is `(rt) -> str`; the namespaces are those of required extensions.
    """

    name: str
    commands: Sequence[Command] = ()
    comparators: Sequence[Comparator] = ()
    match_types: Sequence[MatchType] = ()
    modifiers: Sequence[Modifier] = ()
    address_parts: Sequence[AddressPart] = ()
    namespaces: Mapping[str, Namespace] = field(default_factory=dict)
    environment: Mapping[str, Callable[..., str | None]] = field(default_factory=dict)
    notify_methods: Mapping[str, Any] = field(default_factory=dict)
    side_effects: Sequence[SideEffect] = ()
    tags_for: Mapping[str, Mapping[str, TagType]] = field(default_factory=dict)
    validates_for: Mapping[str, Validate] = field(default_factory=dict)
    implies: Sequence[str] = ()
    builtin: bool = False
    hidden: bool = False
    by_ihave: bool = True
    transform: Callable[[str, Text, Diagnostics], str] | None = None
    interpolate: Interpolate | None = None


class Registered(NamedTuple):
    """A thing of the registry and the extension that gives it."""

    extension: str
    thing: Any


class Registry:
    """A set of extensions that go together; changed only before an engine takes it."""

    def __init__(self, extensions: Iterable[Extension] = ()) -> None:
        self.extensions: dict[str, Extension] = {}
        self.commands: dict[str, Registered] = {}
        self.tests: dict[str, Registered] = {}
        self.comparators: dict[str, Registered] = {}
        self.match_types: dict[str, Registered] = {}
        self.address_parts: dict[str, Registered] = {}
        self.namespaces: dict[str, Registered] = {}
        self.environment: dict[str, Registered] = {}
        self.notify_methods: dict[str, Registered] = {}
        self.modifiers: list[Registered] = []
        self.side_effects: list[Registered] = []
        for extension in extensions:
            self.add(extension)

    def add(self, extension: Extension) -> None:
        """Add one.

        Raises:
            RegistryError: its name, or something that it gives, is there already.
        """
        name = extension.name
        if name in self.extensions:
            raise RegistryError(f"two extensions are called {name}")
        self.extensions[name] = extension
        for command in extension.commands:
            if command.kind != "test":
                _enter(self.commands, command.name, name, command)
            if command.kind != "command":
                _enter(self.tests, command.name, name, command)
        for table, named in (
            (self.comparators, extension.comparators),
            (self.match_types, extension.match_types),
            (self.address_parts, extension.address_parts),
        ):
            for thing in named:
                _enter(table, thing.name, name, thing)
        for table, mapping in (
            (self.namespaces, extension.namespaces),
            (self.environment, extension.environment),
            (self.notify_methods, extension.notify_methods),
        ):
            for key, value in mapping.items():
                _enter(table, key, name, value)
        self.modifiers += [Registered(name, modifier) for modifier in extension.modifiers]
        self.side_effects += [Registered(name, effect) for effect in extension.side_effects]

    def copy(self) -> Registry:
        """Another one with the same extensions, to be added to."""
        return Registry(self.extensions.values())

    def without(self, *names: str) -> Registry:
        """Another one without these."""
        return Registry(e for name, e in self.extensions.items() if name not in names)

    def capabilities(self, allow: Iterable[str] | None = None) -> list[str]:
        """What `require` may ask for, as ManageSieve's SIEVE capability lists it. RFC 5804 §1.7."""
        allowed = None if allow is None else set(allow)
        return [
            name
            for name, extension in self.extensions.items()
            if not extension.hidden and (allowed is None or name in allowed)
        ]

    @property
    def fingerprint(self) -> str:
        """Equal for registries that read scripts alike, as far as declarations tell."""
        digest = hashlib.sha256()
        for name in sorted(self.extensions):
            extension = self.extensions[name]
            plain = replace(
                extension,
                validates_for={},
                transform=None,
                interpolate=None,
                commands=[
                    replace(command, run=None, validate=None, compose=None)
                    for command in extension.commands
                ],
                environment=dict.fromkeys(extension.environment),  # type: ignore[arg-type]
            )
            shown = (name, plain.commands, plain.tags_for, plain.implies, plain.builtin)
            digest.update(repr(shown).encode())
            for things in (extension.comparators, extension.match_types, extension.address_parts):
                digest.update(repr([thing.name for thing in things]).encode())
            for effect in extension.side_effects:
                digest.update(repr((effect.tag, effect.type, effect.commands)).encode())
            for modifier in extension.modifiers:
                digest.update(repr((modifier.tags, modifier.commands)).encode())
        return digest.hexdigest()


def _enter(table: dict[str, Registered], key: str, extension: str, thing: object) -> None:
    if key in table:
        raise RegistryError(f"{key} is given by both {table[key].extension} and {extension}")
    table[key] = Registered(extension, thing)
