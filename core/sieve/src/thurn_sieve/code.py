"""Compiled commands and tests: closures of two kinds, those that may wait and those that never do.

Rules of this file:
1. Code that never waits is an ordinary function and is called directly; only code that may wait is
   a coroutine function. Code that is made of parts that never wait never waits either.
2. A test whose answer is known when the script is compiled is removed here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import isawaitable, iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from thurn_sieve.runtime import Args, Runtime

Step: TypeAlias = "Callable[[Runtime], Any]"
MakeArgs: TypeAlias = "Callable[[Runtime], Args]"


class Code(NamedTuple):
    """The compiled form of a test, a command or a block.

    Attributes:
        run: `(rt) -> bool` of a test, `(rt) -> None` of commands; a coroutine function if `waits`.
        waits: whether running it may wait.
        constant: the answer of a test that always has the same answer; None for all other code.
    """

    run: Step
    waits: bool = False
    constant: bool | None = None


def _true(rt: Runtime) -> bool:
    return True


def _false(rt: Runtime) -> bool:
    return False


def _nothing(rt: Runtime) -> None:
    pass


TRUE: Final = Code(_true, constant=True)
FALSE: Final = Code(_false, constant=False)
NOTHING: Final = Code(_nothing)


def call(run: Callable[..., Any], make: MakeArgs | Args, *, waits: bool) -> Code:
    """A command or test that an extension runs, with its arguments or the function making them."""
    if iscoroutinefunction(run):
        waits = True
    if callable(make):
        return _call_making(run, make, waits=waits)
    args, line, name = make, make.line, make.name

    def now(rt: Runtime) -> Any:  # noqa: ANN401
        rt.line = line
        answer = run(rt, args)
        if rt.trace is not None:
            rt.note(_shown(name, answer))
        return answer

    async def later(rt: Runtime) -> Any:  # noqa: ANN401
        rt.line = line
        answer = run(rt, args)
        answer = await answer if isawaitable(answer) else answer
        if rt.trace is not None:
            rt.note(_shown(name, answer))
        return answer

    return Code(later, waits=True) if waits else Code(now)


def _call_making(run: Callable[..., Any], make: MakeArgs, *, waits: bool) -> Code:
    def now(rt: Runtime) -> Any:  # noqa: ANN401
        args = make(rt)
        answer = run(rt, args)
        if rt.trace is not None:
            rt.note(_shown(args.name, answer))
        return answer

    async def later(rt: Runtime) -> Any:  # noqa: ANN401
        args = make(rt)
        answer = run(rt, args)
        answer = await answer if isawaitable(answer) else answer
        if rt.trace is not None:
            rt.note(_shown(args.name, answer))
        return answer

    return Code(later, waits=True) if waits else Code(now)


def _shown(name: str, answer: object) -> str:
    """The line of the trace for a command (without an answer) or a test."""
    return name if answer is None else f"{name}: {str(bool(answer)).lower()}"


def call_block(run: Callable[..., Any], make: MakeArgs | Args, body: Code) -> Code:
    """A command with a block: `run(rt, args, run_block)`."""

    async def later(rt: Runtime) -> None:
        args = make(rt) if callable(make) else make
        rt.line = args.line
        rt.note(args.name)

        async def run_block() -> None:
            rt.spend(1)
            if body.waits:
                await body.run(rt)
            else:
                body.run(rt)

        await run(rt, args, run_block)

    return Code(later, waits=True)


def guard(code: Code, capabilities: frozenset[str]) -> Code:
    """Code that needs extensions that only a successful `ihave` enables. RFC 5463 §4."""

    def check(rt: Runtime) -> None:
        missing = capabilities - rt.capabilities
        if missing:
            # RFC 5463 §4: the extension cannot be used before such a test.
            names = ", ".join(sorted(missing))
            rt.error(f"no ihave test before this line has enabled {names}", "not-enabled")

    def now(rt: Runtime) -> Any:  # noqa: ANN401
        check(rt)
        return code.run(rt)

    async def later(rt: Runtime) -> Any:  # noqa: ANN401
        check(rt)
        return await code.run(rt)

    return Code(later, waits=True) if code.waits else Code(now)


def failing(message: str, code: str, line: int) -> Code:
    """A run-time error in place of a command or test that could not be compiled."""

    def now(rt: Runtime) -> None:
        rt.line = line
        rt.error(message, code)

    return Code(now)


def negate(tests: Sequence[Code]) -> Code:
    """`not`. RFC 5228 §5.8."""
    test = tests[0]
    if test.constant is not None:
        return FALSE if test.constant else TRUE
    run = test.run

    def now(rt: Runtime) -> bool:
        return not run(rt)

    async def later(rt: Runtime) -> bool:
        return not await run(rt)

    return Code(later, waits=True) if test.waits else Code(now)


def all_of(tests: Sequence[Code]) -> Code:
    """`allof`: its tests run from left to right until one is false. RFC 5228 §5.2."""
    return _fold(tests, stop_at=False)


def any_of(tests: Sequence[Code]) -> Code:
    """`anyof`: its tests run from left to right until one is true. RFC 5228 §5.3."""
    return _fold(tests, stop_at=True)


def _fold(tests: Sequence[Code], *, stop_at: bool) -> Code:
    needed = _needed(tests, stop_at=stop_at)
    if len(needed) == 1:
        return needed[0]
    if any(test.waits for test in needed):
        return _fold_waiting(needed, stop_at=stop_at)
    runs = [test.run for test in needed]

    def any_now(rt: Runtime) -> bool:
        for run in runs:  # noqa: SIM110 - twice as fast as any()
            if run(rt):
                return True
        return False

    def all_now(rt: Runtime) -> bool:
        for run in runs:  # noqa: SIM110 - twice as fast as all()
            if not run(rt):
                return False
        return True

    return Code(any_now if stop_at else all_now)


def _needed(tests: Sequence[Code], *, stop_at: bool) -> list[Code]:
    """The tests that can decide the answer, at least one; none follows one that always stops."""
    needed: list[Code] = []
    for test in tests:
        if test.constant is None:
            needed.append(test)
        elif test.constant is stop_at:
            return [*needed, test]
    return needed or [FALSE if stop_at else TRUE]


def _fold_waiting(tests: Sequence[Code], *, stop_at: bool) -> Code:
    async def later(rt: Runtime) -> bool:
        for test in tests:
            answer = await test.run(rt) if test.waits else test.run(rt)
            if bool(answer) is stop_at:
                return stop_at
        return not stop_at

    return Code(later, waits=True)


def choose(branches: Sequence[tuple[Code, Code]]) -> Code:
    """`if`, `elsif`, `else`: the first block runs whose test is true; the one of `else` always is.

    RFC 5228 §3.1.
    """
    live: list[tuple[Code, Code]] = []
    for test, body in branches:
        if test.constant is not False:
            live.append((test, body))
        if test.constant is True:
            break
    if not live:
        return NOTHING
    if live[0][0].constant is True:
        return live[0][1]
    if any(test.waits or body.waits for test, body in live):
        return _choose_waiting(live)
    pairs = [(test.run, body.run) for test, body in live]

    def now(rt: Runtime) -> None:
        for test, body in pairs:
            if test(rt):
                body(rt)
                return

    return Code(now)


def _choose_waiting(branches: Sequence[tuple[Code, Code]]) -> Code:
    async def later(rt: Runtime) -> None:
        for test, body in branches:
            if await test.run(rt) if test.waits else test.run(rt):
                if body.waits:
                    await body.run(rt)
                else:
                    body.run(rt)
                return

    return Code(later, waits=True)


def sequence(steps: Sequence[Code]) -> Code:
    """Commands that run one after the other; each of them costs a step."""
    steps = [step for step in steps if step is not NOTHING]
    count = len(steps)
    if not steps:
        return NOTHING
    if any(step.waits for step in steps):

        async def later(rt: Runtime) -> None:
            rt.spend(count)
            for step in steps:
                if step.waits:
                    await step.run(rt)
                else:
                    step.run(rt)

        return Code(later, waits=True)
    runs = [step.run for step in steps]

    def now(rt: Runtime) -> None:
        rt.spend(count)
        for run in runs:
            run(rt)

    return Code(now)
