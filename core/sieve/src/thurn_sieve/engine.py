"""The engine: compile, evaluate, perform.

Rules of this file:
1. Compiling is pure; evaluating changes nothing but the result and the context's message; only
   `perform` has effects, through the executor.
2. A run ends in one of four ways: at its end, by `Stop`, by a run-time error (noted, and the keep
   is in force again), or by an exception that its extension marked to pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from thurn_sieve.compiler import Compiler, misplaced
from thurn_sieve.context import Context
from thurn_sieve.diagnostics import CompileError, Diagnostics
from thurn_sieve.errors import Fault, RunError, Stop
from thurn_sieve.limits import Limits
from thurn_sieve.parser import parse
from thurn_sieve.registry import Registry
from thurn_sieve.result import Action, Executor, Keep, Performed, Result
from thurn_sieve.runtime import Runtime
from thurn_sieve.scope import Option
from thurn_sieve.script import FORMAT, Script, read_dump

NO_SETTINGS: Final[Mapping[str, Any]] = {}


class Engine:
    """Compiles and runs scripts with one set of extensions.

    Attributes:
        registry: the extensions; not to be added to any more.
        limits: of scripts and runs.
        settings: of extensions; the context's win.
        fingerprint: equal engines read scripts alike.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        limits: Limits | None = None,
        settings: Mapping[str, Any] = NO_SETTINGS,
    ) -> None:
        self.registry = registry
        self.limits = limits or Limits()
        self.settings = settings
        shown = f"{FORMAT} {registry.fingerprint} {self.limits}"
        self.fingerprint = hashlib.sha256(shown.encode()).hexdigest()
        self._tables: dict[int, Mapping[str, list[Option]]] = {}

    # compile

    def compile(
        self, source: bytes | str, *, name: str = "", allow: Collection[str] | None = None
    ) -> Script:
        """A script that can run; pure.

        Args:
            source: in UTF-8, with CRLF or LF.
            name: for messages.
            allow: what `require` may ask for; None: all that there is.

        Raises:
            CompileError: with all errors up to the limit.

        RFC 5228 §8.
        """
        diag = Diagnostics(self.limits.diagnostics)
        text, root = parse(source, self.limits, diag)
        compiler = Compiler(self.registry, diag, self._tables, allow)
        misplaced(root, self.registry, diag)
        code = compiler.compile(root)
        found = diag.sorted
        if diag.errors:
            raise CompileError(found)
        return Script(
            name=name,
            source=text,
            code=code,
            requires=tuple(compiler.stated),
            capabilities=compiler.scope.requires | compiler.builtin,
            warnings=tuple(found),
            allow=None if allow is None else frozenset(allow),
            fingerprint=self.fingerprint,
        )

    def load(self, octets: bytes) -> Script:
        """The script of a dump.

        Raises:
            DumpError: it is none of this engine.
            CompileError: it holds a script that can't run.
        """
        head, source = read_dump(octets, self.fingerprint, self.limits.source_octets)
        return self.compile(source, name=head["name"], allow=head["allow"])

    # evaluate

    async def evaluate(
        self,
        script: Script,
        context: Context,
        *,
        result: Result | None = None,
        trace: bool = False,
    ) -> Result:
        """What the script wants done with the message; nothing is done yet.

        Args:
            script: of this engine.
            context: what it sees; its message is changed by scripts that edit.
            result: of runs before; actions are appended and judged against all that is in it.
            trace: keep a line for each command and test.

        Returns:
            The result; run-time errors are in it, they are no exceptions.

        Raises:
            Exception: only of a class with `propagate = True`.

        Cancellation: the result has the actions so far; nothing was done.
        """
        rt = self._begin(script, context, result, trace=trace)
        try:
            if script.waits:
                await script.run(rt)
            else:
                script.run_nowait(rt)
        except Stop:
            pass
        except Exception as error:  # noqa: BLE001 - whatever an extension raises ends its script
            self._fault(rt, error)
        return self._end(rt)

    def evaluate_nowait(
        self,
        script: Script,
        context: Context,
        *,
        result: Result | None = None,
        trace: bool = False,
    ) -> Result:
        """`evaluate` for a script that never waits (`Script.waits`).

        Raises:
            ValueError: the script may wait.
        """
        if script.waits:
            raise ValueError("this script may wait")
        rt = self._begin(script, context, result, trace=trace)
        try:
            script.run_nowait(rt)
        except Stop:
            pass
        except Exception as error:  # noqa: BLE001 - whatever an extension raises ends its script
            self._fault(rt, error)
        return self._end(rt)

    def _begin(
        self, script: Script, context: Context, result: Result | None, *, trace: bool
    ) -> Runtime:
        if script.fingerprint != self.fingerprint:
            raise ValueError("a script of another engine")
        if result is None:
            result = Result(limits=self.limits, trace=trace)
        result.context = context
        return Runtime(self, script, context, result)

    def _fault(self, rt: Runtime, error: Exception) -> None:
        """Note a run-time error; the keep is in force again. RFC 5228 §2.10.6."""
        if getattr(error, "propagate", False):
            raise error
        name, line = rt.failed or (rt.script.name, rt.line)
        if isinstance(error, RunError):
            fault = Fault(str(error), name, line, error.code)
        else:
            message = f"an extension failed: {type(error).__name__}"
            fault = Fault(message, name, line, "internal", error)
        result = rt.result
        if rt.context.message is not rt.began_with:
            # RFC 5293 §6: the implicit keep of an error has the header as it was.
            rt.context.message = rt.began_with
        if len(result.errors) < self.limits.errors:
            result.errors.append(fault)
        rt.note(f"error: {fault.message}")
        # What can't stand beside a keep, a refusal that is, is not done.
        result.actions[:] = [
            action for action in result.actions if action.executed or "keep" not in action.excludes
        ]
        kept = {action.key() for action in result.actions if not action.executed}
        result.keep = Keep(message=rt.context.message).key() not in kept

    def _end(self, rt: Runtime) -> Result:
        result = rt.result
        result.implicit = Keep(implicit=True, message=rt.context.message, flags=[*result.flags])
        try:
            for extension, effect in self.registry.side_effects:
                if effect.always and "keep" in effect.commands and rt.enabled(extension):
                    effect.apply(rt, result.implicit, None)
        except Exception as error:  # noqa: BLE001 - as in the run itself
            self._fault(rt, error)
            result.implicit = Keep(implicit=True, message=rt.context.message)
        result.message = rt.context.message
        return result

    # perform

    async def perform(
        self, result: Result, executor: Executor, *, implicit_keep: bool = True
    ) -> Performed:
        """Carry out the actions that are not yet, then the implicit keep.

        Args:
            result: of `evaluate`; may be appended to and performed again.
            executor: does it.
            implicit_keep: whether to end with it if it is in force.

        Returns:
            What was done; at the first failure it stops and says which. Any exception of the
            executor is a failure.

        Cancellation: actions done are marked so; the one under way is not.
        """
        outcome = Performed()
        context = result.context
        if context is None:
            raise ValueError("a result that no script has made")
        for action in [action for action in result.actions if not action.executed]:
            if not await self._perform(action, executor, context, outcome):
                return outcome
        if any(action.ignored for action in outcome.executed):
            # RFC 5228 §4.2: an ignored redirect must not cancel the implicit keep.
            result.keep = not any(a.cancels_keep and not a.ignored for a in result.actions)
        if implicit_keep and result.keep:
            keep = result.implicit or Keep(implicit=True, message=result.message)
            if await self._perform(keep, executor, context, outcome):
                outcome.kept = True
                result.keep = False
        return outcome

    async def _perform(
        self, action: Action, executor: Executor, context: Context, outcome: Performed
    ) -> bool:
        try:
            await action.perform(executor, context)
        except Exception as error:
            if getattr(error, "propagate", False):
                raise
            outcome.failed, outcome.error = action, error
            return False
        action.executed = True
        outcome.executed.append(action)
        return True

    # chains

    async def evaluate_chain(
        self,
        scripts: Sequence[tuple[Script, str]],
        context: Context,
        *,
        trace: bool = False,
    ) -> Result:
        """Scripts one after the other, each only while the message is still kept.

        A script that keeps, explicitly or not, hands on to the next one; the keep itself is the
        last one's. All share one result. An error ends the chain with a keep.

        Args:
            scripts: each with its phase (`before`, `personal`, `after`), in order.
            context: its `phase` is set for each.
            trace: as of `evaluate`.
        """
        result = Result(limits=self.limits, trace=trace)
        result.context, result.message = context, context.message
        for script, phase in scripts:
            context.phase = phase
            # The keep of the script before is only that this one runs.
            result.actions[:] = [a for a in result.actions if not isinstance(a, Keep)]
            result.keep = True
            await self.evaluate(script, context, result=result)
            kept = any(isinstance(action, Keep) for action in result.actions)
            if result.errors or not (result.keep or kept):
                break
        return result

    async def run_chain(
        self,
        scripts: Sequence[tuple[Script, str]],
        context: Context,
        executor: Executor,
        *,
        trace: bool = False,
    ) -> tuple[Result, Performed]:
        """`evaluate_chain`, then `perform` once for all: one implicit keep at the end."""
        result = await self.evaluate_chain(scripts, context, trace=trace)
        return result, await self.perform(result, executor)
