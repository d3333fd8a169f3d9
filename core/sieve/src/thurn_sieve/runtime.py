"""What the code of a command or test is given: `rt`, the run, and `args`, its arguments.

Rules of this file:
1. Nothing here changes anything but the result, the context's message, and the run itself.
2. Work costs steps: `spend` ends a run that has no steps left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, Protocol, TypeVar

from thurn_sieve.context import Context, HeaderField, MessageView
from thurn_sieve.errors import Fault, RunError, Stop
from thurn_sieve.limits import Limits

if TYPE_CHECKING:
    from thurn_sieve.matching.matcher import Matcher
    from thurn_sieve.registry import AddressPart, Modifier, Namespace, Registry, SideEffect
    from thurn_sieve.result import Action, Executor, Performed, Result

_A = TypeVar("_A", bound="Action")
_NO_TAGS: Final[Mapping[str, Any]] = {}
_HELD_CHARACTERS: Final = "variables.held_characters"
"""Key in `Runtime.shared` for the characters of all variables that the run holds."""
PERSONAL: Final = "personal"
"""The phase of an account's own script in a chain, and the location of the account's scripts
(RFC 6609 §3.1)."""


class Program(Protocol):
    """A compiled script, as the run sees it; `script.Script` is one."""

    @property
    def name(self) -> str:
        """The name that messages give it."""

    @property
    def capabilities(self) -> frozenset[str]:
        """The capabilities that it may use."""

    @property
    def allow(self) -> frozenset[str] | None:
        """The capabilities that it was allowed to require; None means all."""

    async def run(self, rt: Runtime) -> None:
        """Run it in a runtime that belongs to this run."""


class Machine(Protocol):
    """The engine, as extensions see it; `engine.Engine` is one."""

    registry: Registry
    limits: Limits
    settings: Mapping[str, Any]

    def compile(
        self, source: bytes | str, *, name: str = "", allow: Collection[str] | None = None
    ) -> Any:  # noqa: ANN401 - a `Script`, which knows this module
        """See `Engine.compile`."""

    async def evaluate(
        self,
        script: Any,  # noqa: ANN401 - likewise
        context: Context,
        *,
        result: Result | None = None,
        trace: bool = False,
    ) -> Result:
        """See `Engine.evaluate`."""

    async def perform(
        self, result: Result, executor: Executor, *, implicit_keep: bool = True
    ) -> Performed:
        """See `Engine.perform`."""


class Args:
    """The arguments of one call, with variables put in.

    Attributes:
        name: the name of the command or test.
        line: its line in the script.
        positional: the positional arguments: str, tuple of str, int, or None for an optional one
            that is not given.
        tags: the tags that are given, with their values; True for a tag without a value.
        match: the matcher, if the declaration has `match`.
        address_part: the address part, if the declaration has `address_part`.
        modifiers: the modifiers whose tags are given.
        effects: the side effects to apply to the action.
        tests: the tests after the arguments; run one with `await rt.test(args.tests[0])`.
    """

    __slots__ = (
        "address_part",
        "effects",
        "line",
        "match",
        "modifiers",
        "name",
        "positional",
        "tags",
        "tests",
    )

    def __init__(
        self,
        name: str,
        line: int = 0,
        positional: tuple[Any, ...] = (),
        tags: Mapping[str, Any] = _NO_TAGS,
    ) -> None:
        self.name = name
        self.line = line
        self.positional = positional
        self.tags = tags
        self.match: Matcher = None  # type: ignore[assignment]  # the compiler sets it where declared
        self.address_part: AddressPart = None  # type: ignore[assignment]  # likewise
        self.modifiers: tuple[Modifier, ...] = ()
        self.effects: tuple[SideEffect, ...] = ()
        self.tests: tuple[Any, ...] = ()

    def __getitem__(self, position: int) -> Any:  # noqa: ANN401 - the declaration knows the type
        return self.positional[position]

    def has(self, tag: str) -> bool:
        """Whether the tag is given."""
        return tag in self.tags

    def text(self, key: int | str, default: str = "") -> str:
        """A string, by position or tag."""
        value = self._value(key)
        return default if value is None else str(value)

    def texts(self, key: int | str, default: Sequence[str] = ()) -> Sequence[str]:
        """A string list, by position or tag."""
        value = self._value(key)
        return default if value is None else value

    def number(self, key: int | str, default: int = 0) -> int:
        """A number, by position or tag."""
        value = self._value(key)
        return default if value is None else int(value)

    def _value(self, key: int | str) -> Any:  # noqa: ANN401 - the declaration knows the type
        return self.positional[key] if isinstance(key, int) else self.tags.get(key)


class Variables:
    """The variables of one script. RFC 5229 §3.

    Attributes:
        values: the script's own variables, by their names in lower case.
        shared: the global variables of the whole run. RFC 6609 §3.4.
        shared_names: names that this script has declared global.
    """

    __slots__ = ("_rt", "shared", "shared_names", "values")

    def __init__(self, rt: Runtime, shared: dict[str, str]) -> None:
        self._rt = rt
        self.values: dict[str, str] = {}
        self.shared = shared
        self.shared_names: set[str] = set()

    def get(self, name: str) -> str:
        """The value of a variable, `name` or `namespace.name`; empty if it is not set."""
        name = name.lower()
        if "." in name:
            namespace, rest = self._namespace(name)
            return (namespace.get(self._rt, rest) if namespace else None) or ""
        if name.isdigit():
            return self.match_value(int(name[:9]))
        table = self.shared if name in self.shared_names else self.values
        return table.get(name, "")

    def match_value(self, number: int) -> str:
        """The value of `${number}`; empty if the last match has no such value. RFC 5229 §3.2."""
        values = self._rt.match_values
        return values[number] if number < len(values) else ""

    def set(self, name: str, value: str) -> None:
        """Set a variable; a value over the bound is cut.

        Raises:
            RunError: there are too many variables, they are too large together, or the variables
                of the namespace are read-only.
        """
        limits = self._rt.limits
        name = name.lower()
        # RFC 5229 §6: a longer value is cut, which is not an error.
        value = value[: limits.variable_characters]
        if "." in name:
            namespace, rest = self._namespace(name)
            if namespace is None or namespace.set is None:
                self._rt.error(f"${{{name}}} cannot be set", "read-only")
            namespace.set(self._rt, rest, value)
            return
        self.put(self.shared if name in self.shared_names else self.values, name, value)

    def put(self, table: dict[str, str], name: str, value: str) -> None:
        """Set a variable in a table, `values` or `shared`, if the bounds allow it.

        Raises:
            RunError: there are too many variables, or they are too large together.
        """
        limits = self._rt.limits
        if name not in table and len(table) >= limits.variables:
            message = f"the script has more than {limits.variables} variables"
            self._rt.error(message, "too-many-variables")
        held = self._rt.shared.get(_HELD_CHARACTERS, 0) + len(value) - len(table.get(name, ""))
        if held > limits.variables_characters:
            message = f"the variables have more than {limits.variables_characters} characters"
            self._rt.error(message, "variables-too-large")
        self._rt.shared[_HELD_CHARACTERS] = held
        table[name] = value

    def _namespace(self, name: str) -> tuple[Namespace | None, str]:
        prefix, _, rest = name.partition(".")
        entry = self._rt.engine.registry.namespaces.get(prefix)
        if entry is None or not self._rt.enabled(entry.extension):
            return None, rest
        namespace: Namespace = entry.thing
        return namespace, rest


class Runtime:
    """The run of one script; an included script has its own, with the same result and context.

    Attributes:
        engine: the engine, for extensions that compile or evaluate scripts.
        script: the script that runs.
        context: what the script sees.
        result: the actions so far; extensions may change it while the script runs.
        limits: the bounds of the engine.
        line: the line that runs.
        variables: the variables of the script.
        match_values: the values of `${0}`, `${1}` ... of the last successful match.
        parent: the run of the script that includes this one; None if there is none.
        place: location and name of the script in the repository (`personal`, name); for a script
            that is not in it, its phase and name.
        steps: the steps that the run has left.
        capabilities: the capabilities that this run may use; `ihave` adds to them.
        shared: values that a run shares with the scripts it includes, by capability.
        trace: the lines of the trace; None if no trace was asked for.
        failed: script and line of an included script that ended with an error.
        began_with: the message before the first edit of this run.
    """

    __slots__ = (
        "began_with",
        "capabilities",
        "context",
        "engine",
        "failed",
        "limits",
        "line",
        "match_values",
        "parent",
        "place",
        "result",
        "script",
        "shared",
        "steps",
        "trace",
        "variables",
    )

    def __init__(
        self,
        engine: Machine,
        script: Program,
        context: Context,
        result: Result,
        parent: Runtime | None = None,
    ) -> None:
        self.engine = engine
        self.script = script
        self.context = context
        self.result = result
        self.parent = parent
        self.limits: Limits = engine.limits
        self.line = 0
        self.failed: tuple[str, int] | None = None
        self.began_with = context.message
        # A script of the site is not in the repository, even if a script there has its name.
        self.place = (context.phase or PERSONAL, script.name)
        self.match_values: Sequence[str] = ()
        self.capabilities: set[str] | frozenset[str] = script.capabilities
        self.steps: int = engine.limits.steps if parent is None else parent.steps
        self.shared: dict[str, Any] = {} if parent is None else parent.shared
        self.trace = result.trace
        self.variables: Variables = Variables(
            self, {} if parent is None else parent.variables.shared
        )

    @property
    def view(self) -> MessageView:
        """The parsed view of the message as edited so far."""
        return self.context.view

    @property
    def flags(self) -> list[str]:
        """The flags of the internal variable. RFC 5232 §2."""
        return self.result.flags

    @property
    def depth(self) -> int:
        """The number of running scripts that include this one, directly or not."""
        depth, rt = 0, self.parent
        while rt is not None:
            depth, rt = depth + 1, rt.parent
        return depth

    def enabled(self, capability: str) -> bool:
        """Whether this script may use the extension now."""
        return capability in self.capabilities

    def enable(self, capability: str) -> None:
        """Let the rest of this script use the extension. RFC 5463 §4."""
        self.capabilities = self.capabilities | {capability}

    def setting(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - settings are free
        """The setting of the context, else of the engine, else the default."""
        settings = self.context.settings
        if name in settings:
            return settings[name]
        return self.engine.settings.get(name, default)

    def error(self, message: str, code: str = "run-time") -> NoReturn:
        """End the run with an error; the message is kept then.

        Raises:
            RunError: always.
        """
        raise RunError(message, code)

    def warn(self, message: str, code: str = "warning") -> None:
        """Record a warning for the script's owner; the run goes on."""
        if len(self.result.warnings) < self.limits.errors:
            self.result.warnings.append(Fault(message, self.script.name, self.line, code))

    def note(self, text: str) -> None:
        """Add a line to the trace, if there is a trace."""
        if self.trace is not None and len(self.trace) < self.limits.trace:
            self.trace.append((self.line, text))

    def spend(self, steps: int) -> None:
        """Take steps from the budget of the run.

        Raises:
            RunError: the run has no steps left.
        """
        self.steps -= steps
        if self.steps < 0:
            raise RunError("the script takes too much time", "too-many-steps")

    def act(self, action: _A, args: Args | None = None) -> _A:
        """Record an action with the message as it is now, and apply the side effects of its tags.

        Returns:
            The action in the result; this may be an equal action from before.

        Raises:
            RunError: it conflicts with another action, or there are too many.
        """
        action.message = self.context.message
        if action.message is not self.context.original:
            self._judge_versions(action.message)
        if args is not None:
            action.line = args.line
            for effect in args.effects:
                effect.apply(self, action, args)
        return self.result.add(action)  # type: ignore[return-value]  # equal keys, equal classes

    def _judge_versions(self, message: bytes) -> None:
        """Bound the versions of the message: each action keeps the one that it was made with."""
        sizes = {id(action.message): len(action.message) for action in self.result.actions}
        sizes[id(message)] = len(message)
        sizes.pop(id(self.context.original), None)
        if sum(sizes.values()) > self.limits.edited_octets:
            complaint = "the script makes too many versions of a large message"
            raise RunError(complaint, "too-large")

    def fields(self, args: Args, names: Sequence[str]) -> Sequence[HeaderField]:
        """The header fields of these names that the call looks at, after its modifiers."""
        view = self.context.view
        selected: Sequence[HeaderField]
        if len(names) == 1:
            selected = view.fields(names[0])
        else:
            selected = of_all_names = []
            for name in names:
                fields = view.fields(name)
                # The script names fields again and again, and a sender writes thousands of them.
                self.spend(1 + len(fields))
                of_all_names += fields
        for modifier in args.modifiers:
            selected = modifier.apply(self, args, names, selected)
        return selected

    async def test(self, test: Callable[[Runtime], Any]) -> bool:
        """Run one of `args.tests`."""
        answer = test(self)
        return bool(await answer if isinstance(answer, Awaitable) else answer)

    async def call(self, script: Program, *, place: tuple[str, str] | None = None) -> None:
        """Run another script inside this one.

        It shares the result, the message and the steps, but has variables of its own. `Stop` ends
        both scripts.

        Args:
            script: a script of the same engine.
            place: its location and name in the repository.
        """
        inner = Runtime(self.engine, script, self.context, self.result, self)
        inner.place = place or inner.place
        try:
            await script.run(inner)
        except Stop:
            raise
        except Exception:
            self.failed = inner.failed or (script.name, inner.line)
            raise
        finally:
            self.steps = inner.steps
            if inner.variables.values:
                characters = sum(map(len, inner.variables.values.values()))
                self.shared[_HELD_CHARACTERS] -= characters
