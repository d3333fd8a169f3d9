"""The delivery filter: runs the scripts of an account for a message (docs/adr/0005).

Rules of this file:
1. Scripts only ask for actions at first; none is carried out before the last script has ended.
2. If a script fails (it does not compile, has a run-time error, or costs too much), none of its
   actions is carried out: the message is kept, the journal has the line and the reason, and the
   account gets a notice, at most once a day for each script. RFC 5228 §2.10.6.
3. An internal failure (of the store or the state) is raised; it becomes a temporary failure, and
   the peer sends the message again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from thurn.plugin import INBOX, AccountHandle, Delivery, Directory, ThurnError
from thurn.plugin import Context as PluginContext
from thurn_sieve.engine import Engine
from thurn_sieve.errors import Fault
from thurn_sieve.result import Action, Keep, Result
from thurn_sieve.script import Script

from thurn_delivery_sieve.budget import CpuBudget, Meter
from thurn_delivery_sieve.executor import ActionRefused, Bounds, DeliveryExecutor
from thurn_delivery_sieve.library import Compiled
from thurn_delivery_sieve.management import SieveScripts
from thurn_delivery_sieve.notice import NOTICE_SECONDS, notice_key, write_notice
from thurn_delivery_sieve.rules import Rules
from thurn_delivery_sieve.scripts import Scripts
from thurn_delivery_sieve.sight import DeliveryContext, Surroundings

TURNED_OFF = "the script has used more processor time than it may; it is off for a while"
"""The reason that a script which costs too much does not run."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A script that failed.

    Attributes:
        script: the script.
        reasons: the reasons for people.
        personal: whether it is the account's own script, or the default in its place.
    """

    script: Compiled
    reasons: list[str]
    personal: bool


@dataclass(slots=True)
class Run:
    """The state of one delivery.

    Attributes:
        delivery: the verbs of the delivery.
        context: what the scripts see.
        result: the result that all scripts share.
        failures: the scripts that failed.
        owners: `id` of an action → the script that asked for it first, and whether that is the
            account's own script.
    """

    delivery: Delivery
    context: DeliveryContext
    result: Result
    failures: list[Failure] = field(default_factory=list)
    owners: dict[int, tuple[Compiled, bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a `SieveDelivery`.

    Attributes:
        engine: the engine of the instance.
        scripts: finds the scripts of accounts.
        around: what is the same for all deliveries.
        budget: the processor time of scripts.
        bounds: the bounds of one message's actions.
        notify_errors: whether accounts get notices of failed scripts.
    """

    engine: Engine
    scripts: Scripts
    around: Surroundings
    budget: CpuBudget
    bounds: Bounds
    notify_errors: bool


class SieveDelivery:
    """`thurn.contracts.delivery.DeliveryFilter`."""

    def __init__(self, parts: Parts, context: PluginContext) -> None:
        self.parts = parts
        self._context = context

    @property
    def _directory(self) -> Directory:
        return self._context.directory

    @property
    def rules(self) -> Rules:
        """The rules of this instance for scripts of accounts."""
        parts, around = self.parts, self.parts.around
        return Rules(
            parts.engine,
            around.settings,
            around.environment,
            parts.scripts.compile,
            parts.scripts.allow,
        )

    def scripts(self, account: AccountHandle) -> SieveScripts:
        """The scripts of an account (`thurn.contracts.scripts.SupportsScripts`)."""
        return SieveScripts(self.rules, account, self._context.clock)

    async def deliver(self, delivery: Delivery) -> None:
        """Run the scripts; if there are none, no verb is used.

        Raises:
            ThurnError: an internal failure.

        Cancellation: a part of the actions may be recorded already.
        """
        scripts = self.parts.scripts
        personal = await scripts.personal(delivery.account)
        site = scripts.site
        chain = [(one, "before") for one in site.before]
        if personal is not None:
            chain.append((personal, "personal"))
        chain += [(one, "after") for one in site.after]
        if chain:
            await self._run(delivery, chain)

    async def _run(self, delivery: Delivery, chain: Sequence[tuple[Compiled, str]]) -> None:
        parts = self.parts
        context = DeliveryContext(delivery, parts.around, self._context.clock.wall())
        run = Run(delivery, context, Result(limits=parts.engine.limits))
        run.result.context, run.result.message = context, context.message
        for compiled, phase in chain:
            context.phase = phase
            if not await self._evaluate(run, compiled):
                break
        await self._perform(run)
        for warning in run.result.warnings:
            delivery.note(f"warning: {warning}")
        for failure in run.failures:
            await self._report(run, failure)

    async def _evaluate(self, run: Run, compiled: Compiled) -> bool:
        """Run one script, and return whether the next one runs because the message is kept."""
        result, context = run.result, run.context
        personal = context.phase == "personal"
        script = compiled.script
        if script is None:
            run.failures.append(Failure(compiled, compiled.reasons, personal))
            return True
        key = f"{run.delivery.record.account} {compiled.digest}"
        if personal and self.parts.budget.is_off(key):
            run.failures.append(Failure(compiled, [TURNED_OFF], personal))
            return True
        # The keep of the script before only means that this one runs.
        before = [action for action in result.actions if not isinstance(action, Keep)]
        result.actions[:] = before
        result.keep = True
        saved = [(action, _attributes(action)) for action in before]
        message, flags, errors = context.message, list(result.flags), len(result.errors)
        spent = await self._call(script, run)
        if personal and await self.parts.budget.charge(key, spent):
            run.delivery.note(f"{compiled.name}: {TURNED_OFF}")
        faults = result.errors[errors:]
        if not faults:
            return _settled(run, compiled, personal=personal)
        _raise_internal(faults)
        result.actions[:] = before
        for (
            action,
            attributes,
        ) in saved:  # the failed script may have merged an equal action into it
            for name, value in attributes.items():
                setattr(action, name, value)
        context.message = result.message = message
        result.flags, result.keep = flags, True
        result.implicit = Keep(implicit=True, message=message, flags=list(flags))
        run.failures.append(Failure(compiled, [_reason(fault) for fault in faults], personal))
        return True

    async def _call(self, script: Script, run: Run) -> int:
        """Evaluate the script, and return the nanoseconds of processor time that it took."""
        engine, meter = self.parts.engine, Meter()
        if script.waits:
            await meter.run(engine.evaluate(script, run.context, result=run.result))
        else:
            with meter:
                engine.evaluate_nowait(script, run.context, result=run.result)
        return meter.nanoseconds

    async def _perform(self, run: Run) -> None:
        parts = self.parts
        executor = DeliveryExecutor(run.delivery, self._directory, parts.bounds)
        outcome = await parts.engine.perform(run.result, executor)
        for action in outcome.executed:
            owner = run.owners.get(id(action))
            if owner is not None:
                run.delivery.note(f"{owner[0].name} line {action.line}: {action.name}")
        if outcome.error is None or outcome.failed is None:
            return
        owner = run.owners.get(id(outcome.failed))
        if owner is None or not isinstance(outcome.error, ActionRefused):
            raise outcome.error
        fault = Fault(str(outcome.error), owner[0].name, outcome.failed.line)
        run.failures.append(Failure(owner[0], [_reason(fault)], owner[1]))
        run.delivery.keep()

    async def _report(self, run: Run, failure: Failure) -> None:
        """Report a failure in the journal each time, and to the account once a day."""
        delivery, name = run.delivery, failure.script.name
        shown = "; ".join(failure.reasons[:3])
        delivery.note(f"script {name} failed: {shown}")
        self._context.diagnostics.warning(
            "sieve.failed", account=str(delivery.record.account), detail=f"{name}: {shown}"
        )
        if not (failure.personal and self.parts.notify_errors):
            return
        topic = "off" if failure.reasons == [TURNED_OFF] else "failed"
        key = notice_key(failure.script.source, name, topic)
        if await delivery.once(key, lifetime_seconds=NOTICE_SECONDS):
            context = self._context
            notice = write_notice(
                delivery,
                name,
                failure.reasons,
                hostname=context.hostname,
                wall=context.clock.wall(),
            )
            delivery.file(INBOX, content=notice)


def _attributes(action: Action) -> dict[str, Any]:
    """The attributes of an action; its lists are copied."""
    values = {one.name: getattr(action, one.name) for one in fields(action)}
    return {name: [*value] if isinstance(value, list) else value for name, value in values.items()}


def _settled(run: Run, compiled: Compiled, *, personal: bool) -> bool:
    """Record which script asked for the actions, and return whether the message is still kept."""
    result = run.result
    for action in result.actions:
        run.owners.setdefault(id(action), (compiled, personal))
    return result.keep or any(isinstance(action, Keep) for action in result.actions)


def _raise_internal(faults: Sequence[Fault]) -> None:
    """Raise an internal failure; it is not an error of the script."""
    for fault in faults:
        if isinstance(fault.cause, ThurnError | OSError):
            raise fault.cause


def _reason(fault: Fault) -> str:
    return f"line {fault.line}: {fault.message}" if fault.line else fault.message
