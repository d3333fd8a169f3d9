"""The declarations of extensions, and the registry: the set of extensions of one engine.

Argument types of `positional` and of tags:

    string         a string; variables are put in          args.text(...)
    constant       a string without variables              args.text(...)
    string-list    one string or a list                    args.texts(...)
    constant-list  the same, without variables             args.texts(...)
    number         a number                                args.number(...)
    None           a tag without a value                   args.has(...)

A `?` after a positional type makes it optional (`"string?"`). If a call has fewer arguments than
types, the leftmost optional ones are missing. `match` in `positional` means `match=True`.

`run` is called with `(rt, args)`, or with `(rt, args, run_block)` for a command with a block. It is
a coroutine function if it may wait, otherwise an ordinary function. The `run` of a test returns a
bool. `rt` is a `runtime.Runtime` and `args` a `runtime.Args`; this module knows neither.
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
"""The argument types of `Command.positional`; tags have them too."""
KINDS: Final = frozenset({"command", "test", "both"})
"""The values of `Command.kind`."""

Validate: TypeAlias = "Callable[[Call, Diagnostics], None]"
Run: TypeAlias = "Callable[..., Any]"
Template: TypeAlias = "Callable[..., str]"
Interpolate: TypeAlias = "Callable[[Text, Mapping[str, Namespace], Diagnostics], Template | None]"
Compose: TypeAlias = "Callable[..., Any]"
TagType: TypeAlias = "str | Tag | None"


class RegistryError(ValueError):
    """Two extensions declare the same thing, or a declaration is wrong."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged argument.

    Attributes:
        type: the argument type of its value; None for a tag without a value.
        requires: the capability that a script needs to use this tag; None means that of the
            extension that declares it.
    """

    type: str | None = None
    requires: str | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A command (an action or a control), a test, or both under one name.

    Attributes:
        name: the name in lower case.
        positional: the types of the positional arguments, in order.
        tags: name of the tag without its colon → its type.
        kind: `command`, `test` or `both`.
        run: the function that runs it; see the head of this module.
        validate: `(call, diag)`, called at compile time when the arguments have the right types;
            it may look at constant strings and numbers.
        block: whether a block in braces follows.
        tests: the number of tests after the arguments: 0, 1, or -1 for a list in parentheses.
        match: whether it takes a match type and a comparator; then `args.match` is the matcher.
        address_part: whether it takes an address part; then `args.address_part` is that part.
        where: `any`, or `toplevel` for a command that must not stand inside a block.
        exclusive: sets of tags; one call may have one tag of each set.
        default_comparator: the comparator of a call without `:comparator`.
        compose: in place of `run`, for a test made of tests alone: makes its code from theirs.
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
                raise RegistryError(f"{self.name}: {kind} is not an argument type")
        if self.kind not in KINDS:
            raise RegistryError(f"{self.name}: {self.kind} is not a kind of command")
        if self.name != self.name.lower():
            raise RegistryError(f"{self.name}: the name of a command must not have capitals")
        if self.block and self.run is not None and not iscoroutinefunction(self.run):
            raise RegistryError(f"{self.name}: the run of a command with a block must be async")


@dataclass(frozen=True, slots=True)
class Comparator:
    """A collation (RFC 4790).

    Attributes:
        name: its name, such as `i;octet`.
        normalise: `(text) -> text`; two strings are equal if their normal forms are.
        order: `(text) -> key`, a sortable key for `:value`; None means the normal form.
        substring: whether `:contains` and `:matches` work with it.
        keeps_length: whether the normal form has one character for each character of the text.
        octets: whether `?` stands for one octet of UTF-8, not one character (RFC 5228 §2.7.1).
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
        name: the tag without its colon, such as `contains`.
        prepare: `(comparator, key, operand) -> predicate`. The predicate is called with each value
            and returns whether it matches, or the match values for `${0}` and up (the whole value
            comes first). It must be a coroutine function if `waits` is set. A predicate that is
            slower than a search in C has an attribute `weight`: how many times slower.
        operand: whether a string follows the tag (`:value "ge"`).
        operands: the strings that may follow it; an empty set allows every string.
        substring: whether it needs a comparator with substrings.
        aggregate: turns all values into the values that are compared (`:count`).
        validate_key: `(key) -> message`, called with each constant key; None if the key is right.
        waits: whether the predicate is a coroutine function.
        captures: whether the predicate returns match values.
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
    """A part of an address that a test can compare.

    Attributes:
        name: the tag without its colon.
        get: `(rt, address) -> str`; None if the address has no such part.
    """

    name: str
    get: Callable[..., str | None]


@dataclass(frozen=True, slots=True)
class Modifier:
    """Tags that choose the header fields that a test looks at (`:index`, `:mime`).

    Attributes:
        tags: name of the tag without its colon → its type.
        commands: names of the tests that take the tags.
        apply: `(rt, args, names, fields) -> fields`, called if one of the tags is given.
        validate: `(call, diag)`, as `Command.validate`.
    """

    tags: Mapping[str, TagType]
    commands: Sequence[str]
    apply: Callable[..., Sequence[HeaderField]]
    validate: Validate | None = None


@dataclass(frozen=True, slots=True)
class SideEffect:
    """A tag of commands (`:copy`, `:flags`, `:create`) that changes their action.

    Attributes:
        tag: the name without its colon.
        type: the argument type of its value; None if it has no value.
        commands: names of the commands that take it.
        apply: `(rt, action, args)`; changes the action before it is recorded.
        always: whether it also applies if the tag is not given, as long as the extension is
            required; with `keep` in `commands` it then applies to the implicit keep too, where
            `args` is None.
        validate: `(call, diag)`, as `Command.validate`.
    """

    tag: str
    type: str | None
    commands: Sequence[str]
    apply: Callable[..., None]
    always: bool = False
    validate: Validate | None = None


@dataclass(frozen=True, slots=True)
class Namespace:
    """Variables of an extension, such as `${env.vnd.x}`. RFC 5229 §3.

    Attributes:
        get: `(rt, name) -> value`; it returns None if there is no such variable, which then is the
            empty string.
        set: `(rt, name, value)`; None if the variables are read-only.
    """

    get: Callable[..., str | None]
    set: Callable[..., None] | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """The things that one capability makes available to a script that requires it.

    Attributes:
        name: the capability.
        commands: its commands and tests.
        comparators: its comparators.
        match_types: its match types.
        modifiers: its modifiers of header tests.
        address_parts: its address parts.
        namespaces: first part of the variables' names → namespace.
        environment: item → `(rt) -> str | None`, for `environment` tests. RFC 5183.
        notify_methods: URI scheme → method. RFC 5435.
        side_effects: its side effects on actions.
        tags_for: name of a command or test of another extension → more tags for it.
        validates_for: name of a command or test of another extension → more validation for it.
        implies: capabilities that a script gets along with this one.
        builtin: whether it is available without `require`.
        hidden: whether `Registry.capabilities` leaves it out.
        by_ihave: whether an `ihave` test may enable it; false for an extension that changes how
            scripts are read.
        transform: `(text, place, diag) -> text`, changes each string at compile time.
        interpolate: `(text, namespaces, diag) -> template`, finds what has to be put into a string
            at run time. A template is `(rt) -> str`; None means that the string is constant. The
            namespaces are those of required extensions.
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
    """Something in the registry, and the name of the extension that declares it."""

    extension: str
    thing: Any


class Registry:
    """A set of extensions; it must not change once an engine uses it."""

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
        """Add an extension.

        Raises:
            RegistryError: another extension has its name, or declares the same thing.
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
        """A new registry with the same extensions; more can be added to it."""
        return Registry(self.extensions.values())

    def without(self, *names: str) -> Registry:
        """A new registry without the extensions of these names."""
        return Registry(e for name, e in self.extensions.items() if name not in names)

    def capabilities(self, allow: Iterable[str] | None = None) -> list[str]:
        """The capabilities that `require` accepts, in order of registration.

        ManageSieve's capability SIEVE lists them. RFC 5804 §1.7.

        Args:
            allow: only these; None means all that are not hidden.
        """
        allowed = None if allow is None else set(allow)
        return [
            name
            for name, extension in self.extensions.items()
            if not extension.hidden and (allowed is None or name in allowed)
        ]

    @property
    def fingerprint(self) -> str:
        """A digest of the declarations: registries with the same digest read scripts alike.

        The functions of extensions are not part of it.
        """
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
        raise RegistryError(f"both {table[key].extension} and {extension} declare {key}")
    table[key] = Registered(extension, thing)
