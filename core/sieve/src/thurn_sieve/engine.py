"""The engine: it compiles scripts, evaluates them, and performs their actions.

Rules of this file:
1. Compiling is pure. Evaluating changes only the result and the context. Only `perform` has
   effects, through the executor.
2. A run ends in one of four ways: at the end of the script, by `Stop`, by a run-time error (it is
   recorded, and the message is kept), or by an exception that its extension lets pass.
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
        registry: the extensions; it must not change any more.
        limits: the bounds of scripts and runs.
        settings: the settings of extensions; those of a context override them.
        fingerprint: a digest of extensions and limits; engines with the same fingerprint read
            scripts alike.
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
        """The compiled script; this has no effect and reads nothing else.

        Args:
            source: the text, with CRLF or LF at its line ends; octets are UTF-8.
            name: the name that messages give the script.
            allow: the capabilities that `require` may ask for; None means all.

        Raises:
            CompileError: the script has errors; it holds all of them up to the limit.

        RFC 5228 §8.
        """
        diag = Diagnostics(self.limits.diagnostics)
        text, root = parse(source, self.limits, diag)
        compiler = Compiler(self.registry, diag, self._tables, allow)
        misplaced(root, self.registry, diag)
        code = compiler.compile(root)
        diagnostics = diag.sorted
        if diag.errors:
            raise CompileError(diagnostics)
        return Script(
            name=name,
            source=text,
            code=code,
            requires=tuple(compiler.stated),
            capabilities=compiler.scope.requires | compiler.builtin,
            warnings=tuple(diagnostics),
            allow=None if allow is None else frozenset(allow),
            fingerprint=self.fingerprint,
        )

    def load(self, octets: bytes) -> Script:
        """The script of a dump, compiled again.

        Raises:
            DumpError: it is not a dump of an engine with this fingerprint.
            CompileError: its script has errors.
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
        """Run the script and return the actions that it asks for; none is carried out yet.

        Args:
            script: a script of this engine.
            context: what the script sees; a script that edits changes its message.
            result: the result of earlier runs, to which actions are added; they may conflict with
                those that are in it.
            trace: whether to record a line for each command and test; an earlier result goes on
                with its own trace, or without one.

        Returns:
            The result. Run-time errors are in it; they do not raise.

        Raises:
            ValueError: another engine compiled the script.
            Exception: an extension raised it, and its class has `propagate = True`.

        Cancellation: `result` has the actions so far; none was carried out.
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
        """Like `evaluate`, for a script that never waits (`Script.waits`).

        Raises:
            ValueError: the script may wait, or another engine compiled it.
            Exception: an extension raised it, and its class has `propagate = True`.
        """
        if script.waits:
            raise ValueError("this script may wait: call evaluate")
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
            raise ValueError("another engine compiled this script")
        if result is None:
            result = Result(limits=self.limits, trace=trace)
        result.context = context
        return Runtime(self, script, context, result)

    def _fault(self, rt: Runtime, error: Exception) -> None:
        """Record a run-time error; the message is kept then. RFC 5228 §2.10.6."""
        if getattr(error, "propagate", False):
            raise error
        name, line = rt.failed or (rt.script.name, rt.line)
        if isinstance(error, RunError):
            fault = Fault(str(error), name, line, error.code)
        else:
            message = f"an extension failed with {type(error).__name__}"
            fault = Fault(message, name, line, "internal", error)
        result = rt.result
        if rt.context.message is not rt.began_with:
            # RFC 5293 §6: after an error the implicit keep has the header from before the edits.
            rt.context.message = rt.began_with
        if len(result.errors) < self.limits.errors:
            result.errors.append(fault)
        rt.note(f"error: {fault.message}")
        # A refusal conflicts with the keep, so it is dropped.
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
        """Carry out the actions that are not executed yet, then the implicit keep.

        It stops at the first action that fails, that is, whose executor raises. It may be called
        again for the same result, also after more runs have added actions.

        Args:
            result: a result of `evaluate`.
            executor: carries the actions out.
            implicit_keep: whether to carry out the implicit keep if it is in force.

        Returns:
            What was carried out, and the action that failed.

        Raises:
            ValueError: no script has run for this result.
            Exception: the executor raised it, and its class has `propagate = True`.

        Cancellation: executed actions are marked; the one that was running is not.
        """
        outcome = Performed()
        context = result.context
        if context is None:
            raise ValueError("no script has run for this result")
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
        """Run scripts one after the other, as long as the message is kept.

        The next script runs if the one before keeps the message, explicitly or not; only the last
        one's keep counts. All share one result. An error ends the chain and keeps the message.

        Args:
            scripts: the scripts in order, each with its phase (`before`, `personal`, `after`).
            context: what they see; its `phase` is set for each script.
            trace: as for `evaluate`.
        """
        result = Result(limits=self.limits, trace=trace)
        result.context, result.message = context, context.message
        for script, phase in scripts:
            context.phase = phase
            # The keep of the script before only means that this one runs.
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
        """Call `evaluate_chain`, then `perform` once; so there is at most one implicit keep."""
        result = await self.evaluate_chain(scripts, context, trace=trace)
        return result, await self.perform(result, executor)
