"""A configuration, opened: every named instance in the order of its needs, the commit log below
them, the mail flows and gates of the listeners above them. One per worker process.

Order: clock, journal, log; instances (owners register with the log as they open); then recovery:
nothing is served before what was acknowledged is back.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import trio

from thurn.app.chains import ChainMaker
from thurn.app.context import InstanceContext, SystemResolver
from thurn.chain.runner import Chain, Failures
from thurn.chain.watch import Watch, left_behind
from thurn.config.instances import Instance, SiteConfig
from thurn.contracts.account import Directory
from thurn.contracts.clock import Clock
from thurn.contracts.context import Log
from thurn.contracts.listener import ListenerSettings, ReceivingSettings
from thurn.contracts.sasl import SaslProduct
from thurn.contracts.state import State
from thurn.delivery.deposits import commit_all
from thurn.delivery.local import LocalDelivery
from thurn.delivery.outgoing import Outgoing
from thurn.delivery.stores import Stores
from thurn.gate.cache import CredentialCache
from thurn.gate.directory import CombinedAccounts
from thurn.gate.gate import GateParts, HostGate
from thurn.log import LogSettings, WorkerLog, closed_log, open_log, recover
from thurn.mailflow.flow import Flow
from thurn.mailflow.plan import FlowPlan, FlowSettings
from thurn.telemetry.clock import SystemClock
from thurn.telemetry.events import EventFanout
from thurn.telemetry.ids import IdMaker
from thurn.telemetry.journal import Journal
from thurn.telemetry.log import logger
from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.envelope import Envelope
from thurn.types.errors import ConfigError, PluginError
from thurn.types.session import Session, Transaction

RESERVE_SEGMENTS: Final = 4
"""Room kept for what must work when no more mail is taken: filing what the log holds (a segment at
a time, in blocks of the file system) and deleting mail (a new segment)."""
STARTING_OCTETS: Final = 1 << 20
"""With less room on the disk a start that fails has failed for want of it."""
_SLOW_SYNC: Final = {"auto": 0.001, "inline": float("inf"), "thread": 0.0}


@dataclass(slots=True, eq=False)
class Site:
    """What is open in this worker."""

    config: SiteConfig
    data: Path
    clock: Clock
    events: EventFanout
    diagnostics: Log
    journal: Journal
    ids: IdMaker
    watch: Watch
    log: WorkerLog
    cache: CredentialCache
    serving: bool = True
    resolver: SystemResolver = field(default_factory=SystemResolver)
    products: dict[tuple[str, str], Any] = field(default_factory=dict)
    directory: CombinedAccounts = field(default_factory=lambda: CombinedAccounts(()))
    _flows: dict[str, Flow] = field(default_factory=dict)
    _gates: dict[str, HostGate] = field(default_factory=dict)

    @property
    def state(self) -> State | None:
        """The site's shared state, if it names one."""
        product: State | None = self.products.get(("state", self.config.site.state or ""))
        return product

    def opened(self, role: str) -> list[tuple[str, Any]]:
        """The opened instances of a role, with their names, in the configuration's order."""
        return [(name, one) for (kind, name), one in self.products.items() if kind == role]

    def stores(self, directory: Directory) -> Stores:
        """All stores that are open, for the accounts of this directory."""
        return Stores(dict(self.opened("store")), self.config.site.store, directory)

    @property
    def _chains(self) -> ChainMaker:
        failures = Failures(self.diagnostics, self.events)
        return ChainMaker(self.config.instances, self.products, failures, self.watch)

    def accounts(self, names: tuple[str, ...]) -> CombinedAccounts:
        """These account instances as one; the site's when none are named."""
        chosen = names or self.config.site.accounts
        return CombinedAccounts([self.products["account", name] for name in chosen])

    def accounts_of(self, instance: Instance) -> CombinedAccounts:
        """The accounts of a listener: its own list, or the site's."""
        return self.accounts(_as(ListenerSettings, instance).accounts)

    def gate_of(self, instance: Instance) -> HostGate:
        """The login gate of a listener."""
        gate = self._gates.get(instance.name)
        if gate is None:
            settings = _as(ListenerSettings, instance)
            gate = self._gates[instance.name] = self._make_gate(settings)
        return gate

    def _make_gate(self, settings: ListenerSettings) -> HostGate:
        products: list[SaslProduct] = [self.products["sasl", name] for name in settings.sasl]
        mechanisms = {m.mechanism: m for product in products for m in product.mechanisms}
        before, after, record = self._chains.login(settings)
        names = settings.accounts or self.config.site.accounts
        return HostGate(
            GateParts(
                mechanisms, self.accounts(settings.accounts), before, after, record, self.cache,
                self.clock, self.events, self.diagnostics, "\0".join(names),
                settings.plaintext_without_tls,
            )
        )  # fmt: skip

    def flow_of(self, instance: Instance) -> Flow:
        """The mail flow of a listener."""
        flow = self._flows.get(instance.name)
        if flow is None:
            settings = _as(ReceivingSettings, instance)
            flow = self._flows[instance.name] = Flow(self._make_plan(settings))
        return flow

    def _make_plan(self, settings: ReceivingSettings) -> FlowPlan:
        directory = self.accounts(settings.accounts)
        guards = tuple(self.products["guard", name] for name in settings.guards)
        stores = self.stores(directory)
        local = LocalDelivery(stores, self._chains.delivery(settings), guards, self.clock)
        return FlowPlan(
            settings=self._flow_settings(settings), chains=self._chains.mailflow(settings),
            directory=directory, local=local, outgoing=self._outgoing(directory, local),
            log=self.log, journal=self.journal, events=self.events, diagnostics=self.diagnostics,
            clock=self.clock, ids=self.ids, free_octets=self.log.free_octets,
        )  # fmt: skip

    def _flow_settings(self, settings: ReceivingSettings) -> FlowSettings:
        site = self.config.site
        postmaster = Address.parse(site.postmaster) if site.postmaster is not None else None
        return FlowSettings(
            hostname=site.hostname, size_limit_octets=settings.size_limit,
            reject_at=settings.reject_at, require_login=settings.require_login,
            reserve_octets=max(2 * settings.size_limit, RESERVE_SEGMENTS * site.segment),
            postmaster=postmaster,
        )  # fmt: skip

    def _outgoing(self, directory: CombinedAccounts, local: LocalDelivery) -> Outgoing:
        queue = self.products.get(("queue", self.config.site.queue or ""))
        return Outgoing(directory, local, queue, self.config.site.hostname, self.clock)

    async def submit(self, origin: str, envelope: Envelope, content: Content) -> None:
        """Send a message of the host or a plugin; durable on return."""
        failures = Failures(self.diagnostics, self.events)
        no_rules = Chain("delivery", (), (), 0.0, failures, self.watch)
        local = LocalDelivery(self.stores(self.directory), no_rules, (), self.clock)
        identifier = self.ids.make()
        entry = self.journal.begin(identifier, listener=origin, sender=str(envelope.sender or ""))
        session = Session(identifier, origin, "local", None)
        transaction = Transaction(identifier, session, envelope.sender, entry)
        outgoing = self._outgoing(self.directory, local)
        prepared = await outgoing.prepare(transaction, [(envelope, content)])
        await commit_all(self.log, prepared.deposits)
        entry.note(outcome="stored", recipients=[str(r.address) for r in envelope.recipients])
        self.journal.write(entry)


def _as(kind: type[Any], instance: Instance) -> Any:  # noqa: ANN401 - the caller names the type
    if not isinstance(instance.settings, kind):
        raise PluginError(
            f"{instance.full_name}: its settings must derive from {kind.__module__}.{kind.__name__}"
        )
    return instance.settings


@asynccontextmanager
async def open_site(
    config: SiteConfig,
    *,
    clock: Clock | None = None,
    with_log: bool = True,
    serving: bool = True,
) -> AsyncIterator[Site]:
    """Open everything that the configuration names, recover, and close it all at the end.

    Args:
        config: checked.
        clock: for tests; the system's if None.
        with_log: False leaves the commit log alone: for a part of a site that has no records
            there. Whatever commits to it then fails.
        serving: False for a command (`Context.serving`).

    Raises:
        ConfigError: an instance cannot open with its settings, named with file and line.
    """
    data = config.site.data
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    failure: Exception | None = None
    async with AsyncExitStack() as stack:
        try:
            site = await _open(stack, config, SystemClock() if clock is None else clock, with_log)
            site.serving = serving
            for instance in config.instances.values():
                await _open_instance(stack, site, instance)
            if with_log:
                await trio.to_thread.run_sync(_recover, site)
        except Exception as error:  # noqa: BLE001 - raised below, out of the nurseries' groups
            failure = error
        else:
            _journal_left_behind(site)
            yield site
    if failure is not None:
        raise _explained(failure, data)


async def _open(stack: AsyncExitStack, config: SiteConfig, clock: Clock, with_log: bool) -> Site:
    """The site without its instances."""
    data = config.site.data
    diagnostics: Log = logger()
    events = EventFanout(lambda error: diagnostics.error("event.failed", failure=repr(error)))
    if with_log:
        settings = LogSettings(
            segment_octets=config.site.segment, slow_sync_seconds=_SLOW_SYNC[config.site.sync]
        )
        opening = open_log(data / "log", clock=clock, settings=settings, report=diagnostics.warning)
        log = await stack.enter_async_context(opening)
    else:
        log = closed_log(data / "log", clock)
    site = Site(
        config, data, clock, events, diagnostics, Journal(data / "journal", clock),
        IdMaker(clock.wall), Watch(data / "run" / f"{os.getpid()}.watch"), log,
        CredentialCache(clock),
    )  # fmt: skip
    stack.callback(site.watch.close)
    stack.callback(site.journal.close)
    return site


def _explained(failure: Exception, data: Path) -> Exception:
    """The failure; on a full disk, what to do about it."""
    status = os.statvfs(data)
    free_octets = status.f_bavail * status.f_frsize
    if free_octets >= STARTING_OCTETS:
        return failure
    full = f"the disk of {data} is full ({free_octets} octets are left): make room and start again"
    told = failure.findings if isinstance(failure, ConfigError) else [repr(failure)]
    return ConfigError([f"{full}; nothing that was acknowledged is lost", *told])


async def _open_instance(stack: AsyncExitStack, site: Site, instance: Instance) -> None:
    context = InstanceContext(site, instance)
    opening = instance.factory.open(instance.settings, context)
    who = f"{instance.source}: {instance.full_name}"
    try:
        product = await stack.enter_async_context(opening)
    except ConfigError as error:
        raise ConfigError([f"{who}: {text}" for text in error.findings]) from error
    except (OSError, ValueError, PluginError) as error:
        raise ConfigError([f"{who} cannot open: {error}"]) from error
    site.products[instance.role, instance.name] = product
    if instance.role == "account" and all(
        ("account", name) in site.products for name in site.config.site.accounts
    ):
        site.directory = site.accounts(())


def _recover(site: Site) -> None:
    report = site.diagnostics.warning
    found = recover(site.data / "log", site.log.owners, clock=site.clock, report=report)
    if found.records:
        site.diagnostics.info("log.recovered", segments=found.segments, records=found.records)


def _journal_left_behind(site: Site) -> None:
    """Transactions that a killed worker had under way inside a rule (see `thurn.chain.watch`)."""
    for identifier, stage, instance, source in left_behind(site.data / "run"):
        entry = site.journal.begin(identifier, outcome="deferred", reason="plugin.blocked")
        entry.stage(
            stage, instance, "blocked", reason="plugin.blocked", source=source,
            detail="the worker did not come back from this call and was replaced",
        )  # fmt: skip
        site.journal.write(entry)
