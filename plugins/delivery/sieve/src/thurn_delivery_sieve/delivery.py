"""The delivery filter: runs the scripts of an account over a message.

Rules of this file:
1. Scripts first only say what they want; nothing is done before the last one has ended.
2. A script that fails (a wrong text, a run-time error, too dear) leaves nothing of its own behind:
   the message is kept, the journal has the line and the reason, and the account gets a notice,
   once a day per script. RFC 5228 §2.10.6.
3. Trouble of ours (the store, the state) is raised: a temporary failure, and the message comes
   again.
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

TURNED_OFF = "the script has used more of the processor's time than it may; it is off for a while"


@dataclass(frozen=True, slots=True)
class Failure:
    """A script that failed, and why; `mine`: it is the account's own."""

    script: Compiled
    reasons: list[str]
    mine: bool


@dataclass(slots=True)
class Run:
    """One delivery under way.

    Attributes:
        owners: of actions by `id`: the script that asked, and whether it is the account's own.
    """

    delivery: Delivery
    context: DeliveryContext
    result: Result
    failures: list[Failure] = field(default_factory=list)
    owners: dict[int, tuple[Compiled, bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a `SieveDelivery` is made of."""

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
        """By which rules scripts of accounts are judged here."""
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
        """Run the scripts; without any, use no verb.

        Raises:
            ThurnError: our own trouble.

        Cancellation: nothing is recorded but notes.
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
            await self._tell(run, failure)

    async def _evaluate(self, run: Run, compiled: Compiled) -> bool:
        """Run one script; returns whether the next one runs: the message is still kept."""
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
        # The keep of the script before means that this one runs.
        before = [action for action in result.actions if not isinstance(action, Keep)]
        result.actions[:] = before
        result.keep = True
        saved = [(action, _as_it_is(action)) for action in before]
        message, flags, errors = context.message, list(result.flags), len(result.errors)
        spent = await self._call(script, run)
        if personal and await self.parts.budget.charge(key, spent):
            run.delivery.note(f"{compiled.name}: {TURNED_OFF}")
        faults = result.errors[errors:]
        if not faults:
            return _settled(run, compiled, mine=personal)
        _raise_trouble(faults)
        result.actions[:] = before
        for action, facts in saved:  # an equal action of the script that failed was merged into it
            for name, value in facts.items():
                setattr(action, name, value)
        context.message = result.message = message
        result.flags, result.keep = flags, True
        result.implicit = Keep(implicit=True, message=message, flags=list(flags))
        run.failures.append(Failure(compiled, [_reason(fault) for fault in faults], personal))
        return True

    async def _call(self, script: Script, run: Run) -> int:
        """Evaluate; returns the nanoseconds that it took."""
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

    async def _tell(self, run: Run, failure: Failure) -> None:
        """The journal gets every failure, the account one notice a day."""
        delivery, name = run.delivery, failure.script.name
        shown = "; ".join(failure.reasons[:3])
        delivery.note(f"script {name} failed: {shown}")
        self._context.diagnostics.warning(
            "sieve.failed", account=str(delivery.record.account), detail=f"{name}: {shown}"
        )
        if not (failure.mine and self.parts.notify_errors):
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


def _as_it_is(action: Action) -> dict[str, Any]:
    """The fields of an action; its lists are copied."""
    found = {one.name: getattr(action, one.name) for one in fields(action)}
    return {name: [*value] if isinstance(value, list) else value for name, value in found.items()}


def _settled(run: Run, compiled: Compiled, *, mine: bool) -> bool:
    """Note whose actions they are; returns whether the message is still kept."""
    result = run.result
    for action in result.actions:
        run.owners.setdefault(id(action), (compiled, mine))
    return result.keep or any(isinstance(action, Keep) for action in result.actions)


def _raise_trouble(faults: Sequence[Fault]) -> None:
    """Our own trouble is no fault of the script."""
    for fault in faults:
        if isinstance(fault.cause, ThurnError | OSError):
            raise fault.cause


def _reason(fault: Fault) -> str:
    return f"line {fault.line}: {fault.message}" if fault.line else fault.message
