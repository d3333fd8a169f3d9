"""What the code of a command or test gets: `rt`, the run, and `args`, its arguments.

Rules of this file:
1. Nothing here has an effect outside the result and the context's message.
2. All work is charged: `spend` ends a run that costs too much.
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
_HELD: Final = "variables.held"
"""Key in `Runtime.shared`: the characters of all variables that live."""
PERSONAL: Final = "personal"
"""Phase of a chain, and location of scripts of the account (RFC 6609 §3.1)."""


class Program(Protocol):
    """A compiled script, as the run knows it; `script.Script` is one."""

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def capabilities(self) -> frozenset[str]:
        """What it may use."""

    @property
    def allow(self) -> frozenset[str] | None:
        """What it was allowed to require, None: everything."""

    async def run(self, rt: Runtime) -> None:
        """Run it in a runtime of its own."""


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
    """The arguments of one call, variables put in.

    Attributes:
        name: of the command or test.
        line: where it stands.
        positional: str, tuple of str, int, or None for an optional one left out.
        tags: those given; True for one without value.
        match: the matcher of a call with `match`.
        address_part: of a call with `address_part`.
        modifiers: those whose tags are given.
        effects: side effects to apply to the action.
        tests: the tests behind it; `await rt.test(args.tests[0])`.
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
        values: the script's own, by names in lower case.
        shared: the global ones of the whole run. RFC 6609 §3.4.
        shared_names: those that this script has declared to be global.
    """

    __slots__ = ("_rt", "shared", "shared_names", "values")

    def __init__(self, rt: Runtime, shared: dict[str, str]) -> None:
        self._rt = rt
        self.values: dict[str, str] = {}
        self.shared = shared
        self.shared_names: set[str] = set()

    def get(self, name: str) -> str:
        """The value of a variable, `name` or `namespace.name`; empty if it has none."""
        name = name.lower()
        if "." in name:
            namespace, rest = self._namespace(name)
            return (namespace.get(self._rt, rest) if namespace else None) or ""
        if name.isdigit():
            return self.match_value(int(name[:9]))
        table = self.shared if name in self.shared_names else self.values
        return table.get(name, "")

    def match_value(self, number: int) -> str:
        """`${0}` ... RFC 5229 §3.2."""
        values = self._rt.match_values
        return values[number] if number < len(values) else ""

    def set(self, name: str, value: str) -> None:
        """Give a variable a value, cut at the bound.

        Raises:
            RunError: too many variables, or a namespace that can't be written.
        """
        limits = self._rt.limits
        name = name.lower()
        # RFC 5229 §3: longer values may be cut, 4,000 octets must be kept.
        value = value[: limits.variable_octets]
        if "." in name:
            namespace, rest = self._namespace(name)
            if namespace is None or namespace.set is None:
                self._rt.error(f"${{{name}}} cannot be set", "read-only")
            namespace.set(self._rt, rest, value)
            return
        self.put(self.shared if name in self.shared_names else self.values, name, value)

    def put(self, table: dict[str, str], name: str, value: str) -> None:
        """Write into a table of variables, `values` or `shared`, as far as the bounds allow.

        Raises:
            RunError: too many variables, or too large together.
        """
        limits = self._rt.limits
        if name not in table and len(table) >= limits.variables:
            self._rt.error(f"more than {limits.variables} variables", "too-many-variables")
        held = self._rt.shared.get(_HELD, 0) + len(value) - len(table.get(name, ""))
        if held > limits.variables_octets:
            self._rt.error("the variables grow too large together", "variables-too-large")
        self._rt.shared[_HELD] = held
        table[name] = value

    def _namespace(self, name: str) -> tuple[Namespace | None, str]:
        prefix, _, rest = name.partition(".")
        entry = self._rt.engine.registry.namespaces.get(prefix)
        if entry is None or not self._rt.enabled(entry.extension):
            return None, rest
        namespace: Namespace = entry.thing
        return namespace, rest


class Runtime:
    """One script running; an included script has its own, with the same result and context.

    Attributes:
        engine: for extensions that compile and evaluate themselves.
        script: which runs.
        context: what it sees.
        result: what it wants, live.
        variables: its variables.
        match_values: `${0}` ... of the last successful match.
        parent: the including run, or None.
        place: location and name of the script in the repository (`personal`, name); of a script
            that is not there, its phase and name.
        steps: what is left of the budget.
        capabilities: what this run may use; `ihave` adds to it.
        failed: script and line of an included script that has failed.
        began_with: the message before its first edit.
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
        # A site's script is none of those that `include` finds, whatever it is called.
        self.place = (context.phase or PERSONAL, script.name)
        self.match_values: Sequence[str] = ()
        self.capabilities: set[str] | frozenset[str] = script.capabilities
        self.steps: int = engine.limits.steps if parent is None else parent.steps
        # What runs share, by capability: an extension keeps here what one whole run needs.
        self.shared: dict[str, Any] = {} if parent is None else parent.shared
        self.trace = result.trace
        self.variables: Variables = Variables(
            self, {} if parent is None else parent.variables.shared
        )

    @property
    def view(self) -> MessageView:
        """The message as it is now, parsed."""
        return self.context.view

    @property
    def flags(self) -> list[str]:
        """The internal variable. RFC 5232 §2."""
        return self.result.flags

    @property
    def depth(self) -> int:
        """How many scripts include this one."""
        depth, rt = 0, self.parent
        while rt is not None:
            depth, rt = depth + 1, rt.parent
        return depth

    def enabled(self, capability: str) -> bool:
        """Whether this script may use it now."""
        return capability in self.capabilities

    def enable(self, capability: str) -> None:
        """Let the rest of this script use it. RFC 5463 §4."""
        self.capabilities = self.capabilities | {capability}

    def setting(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - settings are free
        """A setting: the context's, else the engine's, else the default."""
        settings = self.context.settings
        if name in settings:
            return settings[name]
        return self.engine.settings.get(name, default)

    def error(self, message: str, code: str = "run-time") -> NoReturn:
        """End the run with an error; the keep is in force again.

        Raises:
            RunError: always.
        """
        raise RunError(message, code)

    def warn(self, message: str, code: str = "warning") -> None:
        """Tell the script's owner something; the run goes on."""
        if len(self.result.warnings) < self.limits.errors:
            self.result.warnings.append(Fault(message, self.script.name, self.line, code))

    def note(self, text: str) -> None:
        """A line of the trace, if there is one."""
        if self.trace is not None and len(self.trace) < self.limits.trace:
            self.trace.append((self.line, text))

    def spend(self, steps: int) -> None:
        """Charge work.

        Raises:
            RunError: the budget is used up.
        """
        self.steps -= steps
        if self.steps < 0:
            raise RunError("the script takes too much time", "too-many-steps")

    def act(self, action: _A, args: Args | None = None) -> _A:
        """Record an action, side effects of its tags applied.

        Returns:
            The action in the result: an equal earlier one if there was one.

        Raises:
            RunError: it goes beside the others badly, or there are too many.
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
        """Each action keeps the message as it was then; together they must fit into memory."""
        held = {id(action.message): len(action.message) for action in self.result.actions}
        held[id(message)] = len(message)
        held.pop(id(self.context.original), None)
        if sum(held.values()) > self.limits.edited_octets:
            raise RunError("too many versions of a large message", "too-large")

    def fields(self, args: Args, names: Sequence[str]) -> Sequence[HeaderField]:
        """The header fields of these names that the call looks at, modifiers applied."""
        view = self.context.view
        found: Sequence[HeaderField]
        if len(names) == 1:
            found = view.fields(names[0])
        else:
            found = several = []
            for name in names:
                fields = view.fields(name)
                self.spend(
                    1 + len(fields)
                )  # before they are listed: both are the sender's to choose
                several += fields
        for modifier in args.modifiers:
            found = modifier.apply(self, args, names, found)
        return found

    async def test(self, test: Callable[[Runtime], Any]) -> bool:
        """Run one of `args.tests`."""
        answer = test(self)
        return bool(await answer if isinstance(answer, Awaitable) else answer)

    async def call(self, script: Program, *, place: tuple[str, str] | None = None) -> None:
        """Run another script inside this one: same result, message and budget, own variables.

        `Stop` ends both.

        Args:
            script: of the same engine.
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
                self.shared[_HELD] -= sum(map(len, inner.variables.values.values()))
