"""Assigns the arguments of a call to the declaration of its command. RFC 5228 §2.6.

Rules of this file:
1. Errors are collected. If the call needs something that only a failing `ihave` could make
   available, it becomes a run-time error instead (RFC 5463 §4).
2. Strings are read here: encoded characters are decoded, and references to variables are found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from thurn_sieve.code import MakeArgs
from thurn_sieve.diagnostics import Place
from thurn_sieve.matching.matcher import Matcher
from thurn_sieve.registry import (
    AddressPart,
    Command,
    Comparator,
    MatchType,
    Modifier,
    SideEffect,
    Template,
)
from thurn_sieve.runtime import Args, Runtime
from thurn_sieve.scope import Option, Scope
from thurn_sieve.syntax import (
    Argument,
    Call,
    MatchChoice,
    Node,
    Number,
    TagWord,
    Text,
    TextList,
    Value,
)


class Unknown(Exception):
    """A call uses something that is not available; it is left to run time.

    Attributes:
        place: the argument or node that uses it.
        code: the code of the diagnostic.
    """

    def __init__(self, message: str, place: Place, code: str) -> None:
        super().__init__(message)
        self.place = place
        self.code = code


@dataclass(slots=True)
class Bound:
    """A call, and the things that its arguments are made of at run time.

    Attributes:
        call: the call with its arguments as the script has them.
        command: the declaration.
        positional: the values in order; a template stands for a string with variables.
        tags: the tags that are given, with such values; True for a tag without a value.
        dynamic: whether any value has variables.
        match: the matcher of a call with `match`.
        address_part: the address part of a call with `address_part`.
        modifiers: the modifiers whose tags are given.
        effects: the side effects that apply to the action.
        guards: the capabilities that only a successful `ihave` makes available.
        tests: the code of the tests after the arguments.
    """

    call: Call
    command: Command
    positional: list[Any] = field(default_factory=list)
    tags: dict[str, Any] = field(default_factory=dict)
    dynamic: bool = False
    match: Matcher | None = None
    address_part: AddressPart | None = None
    modifiers: list[Modifier] = field(default_factory=list)
    effects: list[SideEffect] = field(default_factory=list)
    guards: set[str] = field(default_factory=set)
    tests: tuple[Any, ...] = ()


class Binder:
    """Binds one call to the declaration of its command."""

    def __init__(
        self,
        scope: Scope,
        node: Node,
        command: Command,
        table: Mapping[str, list[Option]],
    ) -> None:
        self.scope = scope
        self.diag = scope.diag
        self.node = node
        self.command = command
        self.table = table
        self.templates: dict[int, Template] = {}
        self.given: dict[str, Value | None] = {}
        self.match_type: MatchType | None = None
        self.match_operand: str | None = None
        self.comparator: str | None = None
        self.part: AddressPart | None = None
        self.modifiers: list[Modifier] = []
        self.effects: list[SideEffect] = []
        self.guards: set[str] = set()

    def bind(self) -> Bound | None:
        """The call, or None after errors.

        Raises:
            Unknown: it uses something that is not available, and an `ihave` of the script asks for
                something that is not available.
        """
        errors_before = self.diag.errors
        rest = self._tags()
        values = self._positional(rest)
        for group in self.command.exclusive:
            together = [tag for tag in group if tag in self.given]
            if len(together) > 1:
                message = f":{together[0]} and :{together[1]} cannot stand together"
                self.diag.error(message, self.node, "conflicting-tags")
        matcher = self._matcher(values) if self.command.match else None
        if self.diag.errors > errors_before:
            return None
        choice = None
        if matcher is not None:
            choice = MatchChoice(matcher.match_type.name, matcher.operand, matcher.comparator.name)
        call = Call(
            self.node.name,
            self.node.line,
            self.node.column,
            tuple(values),
            self.given,
            choice,
            self.scope.requires,
            self.scope.namespaces,
        )
        self._validate(call)
        return None if self.diag.errors > errors_before else self._bound(call, matcher)

    def _validate(self, call: Call) -> None:
        validations = [self.command.validate]
        validations += [modifier.validate for modifier in self.modifiers]
        validations += [effect.validate for effect in self.effects]
        validations += self.scope.validates.get(self.command.name, ())
        for validate in validations:
            if validate is None:
                continue
            try:
                validate(call, self.diag)
            except Exception as error:  # noqa: BLE001 - an extension's fault must not stop the editor
                message = f"the validation of {call.name} failed: {type(error).__name__}"
                self.diag.error(message, call, "internal")

    def _bound(self, call: Call, matcher: Matcher | None) -> Bound:
        bound = Bound(call, self.command, match=matcher, guards=self.guards)
        if self.command.address_part:
            bound.address_part = self.part or self.scope.registry.address_parts["all"].thing
        bound.modifiers = self.modifiers
        always = self.scope.always.get(self.command.name, ())
        bound.effects = [*always, *(e for e in self.effects if not e.always)]
        bound.positional = [self._run_value(value) for value in call.positional]
        bound.tags = {
            tag: True if value is None else self._run_value(value)
            for tag, value in call.tags.items()
        }
        bound.dynamic = bool(self.templates)
        if matcher is not None and bound.positional and isinstance(bound.positional[-1], tuple):
            keys = bound.positional[-1]
            if all(isinstance(key, str) for key in keys):
                matcher.prepare(keys)
        return bound

    def _run_value(self, value: Value | None) -> Any:  # noqa: ANN401
        if isinstance(value, Text):
            return self.templates.get(id(value), value.value)
        if isinstance(value, TextList):
            return tuple(self.templates.get(id(item), item.value) for item in value.items)
        return value.value if value is not None else None

    # tags

    def _tags(self) -> list[Value]:
        """Take the tags with their values, and return the positional arguments."""
        rest: list[Value] = []
        arguments = iter(self.node.arguments)
        for argument in arguments:
            if not isinstance(argument, TagWord):
                rest.append(argument)
                continue
            if rest:
                # RFC 5228 §2.6.2: tagged arguments must appear before positional ones.
                message = f":{argument.name} must stand before the positional arguments"
                self.diag.error(message, argument, "late-tag")
            option = self._option(argument)
            if option is None:
                if any(known.type is not None for known in self.table.get(argument.name, ())):
                    next(arguments, None)  # its value; otherwise it would cause a second error
                continue
            value: Value | None = None
            if option.type is not None:
                following = next(arguments, None)
                shown = f"the value of :{argument.name}"
                value = self._typed(following, option.type, argument, shown)
                if value is None:
                    continue
            self._take_tag(argument, option, value)
        return rest

    def _option(self, word: TagWord) -> Option | None:
        options = self.table.get(word.name, ())
        for option in options:
            if option.extension is None or self.scope.may_use(option.extension):
                return option
        for option in options:
            if option.extension in self.scope.conditional:
                self.guards.add(option.extension)
                return option
        if options:
            message = f':{word.name} needs require "{options[0].extension}"'
            if any(option.extension in self.scope.unavailable for option in options):
                raise Unknown(message, word, "not-enabled")
            self.diag.error(message, word, "missing-require")
        else:
            message = f"{self.node.name} has no tag :{word.name}"
            if self.scope.unavailable:
                raise Unknown(message, word, "unknown-tag")
            self.diag.error(message, word, "unknown-tag")
        return None

    def _take_tag(self, word: TagWord, option: Option, value: Value | None) -> None:
        if option.kind == "match":
            if self.match_type is not None:
                message = f":{word.name} is a second match type"
                self.diag.error(message, word, "conflicting-tags")
            self.match_type = option.thing
            if isinstance(value, Text):
                self._operand(option.thing, value)
        elif option.kind == "part":
            if self.part is not None:
                message = f":{word.name} is a second address part"
                self.diag.error(message, word, "conflicting-tags")
            self.part = option.thing
        elif word.name in self.given or (option.kind == "comparator" and self.comparator):
            # RFC 5228 §2.6: no tagged argument more than once.
            self.diag.error(f":{word.name} is given twice", word, "conflicting-tags")
        elif option.kind == "comparator":
            self.comparator = value.value if isinstance(value, Text) else None
        else:
            self.given[word.name] = value
            if option.kind == "effect" and option.thing not in self.effects:
                self.effects.append(option.thing)
            if option.kind == "modifier" and option.thing not in self.modifiers:
                self.modifiers.append(option.thing)

    def _operand(self, match_type: MatchType, value: Text) -> None:
        self.match_operand = value.value
        if match_type.operands and value.value.lower() not in match_type.operands:
            message = f":{match_type.name} takes one of {', '.join(sorted(match_type.operands))}"
            self.diag.error(message, value, "invalid-operand")

    # positional arguments

    def _positional(self, rest: Sequence[Value]) -> list[Value | None]:
        declared = self.command.positional
        required = sum(not kind.endswith("?") for kind in declared)
        if not required <= len(rest) <= len(declared):
            place: Place = rest[len(declared)] if len(rest) > len(declared) else self.node
            wanted = ", ".join(declared) or "no arguments"
            message = f"{self.node.name} takes {wanted}; here it has {len(rest)}"
            self.diag.error(message, place, "wrong-arguments")
            return [None] * len(declared)
        optional = len(rest) - required
        values: list[Value | None] = []
        given = iter(rest)
        for kind in declared:
            if kind.endswith("?"):
                optional -= 1
                if optional < 0:
                    values.append(None)
                    continue
            shown = f"argument {len(values) + 1} of {self.node.name}"
            values.append(self._typed(next(given), kind.removesuffix("?"), self.node, shown))
        return values

    def _typed(self, value: Argument | None, kind: str, place: Place, name: str) -> Value | None:
        """The value with its strings read; None and an error if it does not have the type."""
        if kind == "number" and isinstance(value, Number):
            return value
        if kind != "number" and isinstance(value, Text):
            text = self._text(value, constant=kind.startswith("constant"))
            return TextList((text,), value.line, value.column) if "list" in kind else text
        if "list" in kind and isinstance(value, TextList):
            items = [self._text(item, constant=kind.startswith("constant")) for item in value.items]
            return TextList(tuple(items), value.line, value.column)
        message = f"{name} must be a {kind.replace('constant', 'string')}"
        self.diag.error(message, value or place, "wrong-type")
        return None

    def _text(self, text: Text, *, constant: bool) -> Text:
        """The string with encoded characters decoded; its template is kept if it has variables."""
        scope = self.scope
        for transform in scope.transforms:
            changed = transform(text.value, text, self.diag)
            if changed != text.value:
                text = Text(changed, text.line, text.column)
        for interpolate in scope.interpolates:
            template = interpolate(text, scope.namespaces, self.diag)
            if template is not None:
                if constant:
                    message = "this string must not have variables in it"
                    self.diag.error(message, text, "not-constant")
                text = Text(text.value, text.line, text.column, constant=False)
                self.templates[id(text)] = template  # the call keeps the text alive
        return text

    # matching

    def _matcher(self, values: Sequence[Value | None]) -> Matcher | None:
        registry = self.scope.registry
        match_type: MatchType = self.match_type or registry.match_types["is"].thing
        comparator = self._comparator(self.comparator or self.command.default_comparator)
        if comparator is None:
            return None
        if match_type.substring and not comparator.substring:
            # RFC 4790 §4.2.3: a comparator may have no substring matching.
            message = f":{match_type.name} does not work with the comparator {comparator.name}"
            self.diag.error(message, self.node, "no-substring")
            return None
        keys = values[-1] if values else None
        if match_type.validate_key is not None:
            items = keys.items if isinstance(keys, TextList) else (keys,)
            for item in items:
                if isinstance(item, Text) and item.constant:
                    complaint = match_type.validate_key(item.value)
                    if complaint:
                        self.diag.error(complaint, item, "invalid-key")
        operand = self.match_operand
        return Matcher(match_type, comparator, operand.lower() if operand is not None else None)

    def _comparator(self, name: str) -> Comparator | None:
        entry = self.scope.registry.comparators.get(name)
        if entry is None:
            message = f"there is no comparator {name}"
            if self.scope.unavailable:
                raise Unknown(message, self.node, "unknown-comparator")
            self.diag.error(message, self.node, "unknown-comparator")
            return None
        if not self.scope.may_use(entry.extension):
            if entry.extension not in self.scope.conditional:
                # RFC 5228 §2.7.3: other comparators must be required.
                message = f'{name} needs require "{entry.extension}"'
                if entry.extension in self.scope.unavailable:
                    raise Unknown(message, self.node, "not-enabled")
                self.diag.error(message, self.node, "missing-require")
                return None
            self.guards.add(entry.extension)
        comparator: Comparator = entry.thing
        return comparator


def args_maker(bound: Bound) -> MakeArgs | Args:
    """The arguments; if they have variables in them, a function that makes the arguments."""
    name, line = bound.call.name, bound.call.line

    def make(positional: tuple[Any, ...], tags: Mapping[str, Any]) -> Args:
        args = Args(name, line, positional, tags)
        if bound.match is not None:
            args.match = bound.match
        if bound.address_part is not None:
            args.address_part = bound.address_part
        args.modifiers = tuple(bound.modifiers)
        args.effects = tuple(bound.effects)
        args.tests = bound.tests
        return args

    if not bound.dynamic:
        return make(tuple(bound.positional), bound.tags)

    def make_now(rt: Runtime) -> Args:
        rt.line = line
        positional = tuple([_value(value, rt) for value in bound.positional])
        tags = {tag: _value(value, rt) for tag, value in bound.tags.items()}
        return make(positional, tags)

    return make_now


def _value(value: Any, rt: Runtime) -> Any:  # noqa: ANN401
    if isinstance(value, tuple):
        if all(isinstance(item, str) for item in value):
            return value
        return tuple([item(rt) if callable(item) else item for item in value])
    return value(rt) if callable(value) else value
