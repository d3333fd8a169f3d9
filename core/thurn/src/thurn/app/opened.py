"""What is open in one worker: the instances, the commit log that they use, and the mail flows and
gates of listeners, each made when it is first needed. `thurn.app.site` opens it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from thurn.app.chains import ChainMaker, source_of_instance
from thurn.app.ledger import WorkerLedger
from thurn.app.resolver import SystemResolver
from thurn.chain.calls import Callee, Calls
from thurn.chain.runner import Chain
from thurn.chain.supervision import Supervised, Supervision
from thurn.config.instances import Instance, SiteConfig
from thurn.contracts.account import Directory
from thurn.contracts.clock import Clock
from thurn.contracts.context import Diagnostics
from thurn.contracts.listener import ListenerSettings, ReceivingSettings
from thurn.contracts.outgoing import EntryKind
from thurn.contracts.resolver import Resolver
from thurn.contracts.sasl import SaslMechanism, SaslProduct
from thurn.contracts.state import State
from thurn.delivery.deliver import submit
from thurn.delivery.local import DELIVERY, LocalDelivery
from thurn.delivery.outgoing import OutgoingStage
from thurn.delivery.parts import DeliveryParts
from thurn.delivery.record import Sending
from thurn.directory.combined import CombinedAccounts
from thurn.directory.stores import Stores
from thurn.gate.cache import CredentialCache
from thurn.gate.gate import GateParts, HostGate
from thurn.log import WorkerLog
from thurn.mailflow.flow import Flow
from thurn.mailflow.late import LateCommits
from thurn.mailflow.plan import FlowPlan, FlowSettings
from thurn.mailflow.sessionrules import SessionRules
from thurn.net.connection import SocketConnection
from thurn.telemetry.events import EventFanout
from thurn.telemetry.ids import IdMaker
from thurn.telemetry.journal import Journal
from thurn.telemetry.lines import MailLines
from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.envelope import Envelope
from thurn.types.errors import PluginError
from thurn.types.session import Session, Transaction

RESERVE_SEGMENTS: Final = 4
"""How many log segments must have room on the disk, or no mail is accepted. The room is for filing
what the log holds (a segment at a time, in blocks of the file system) and for deleting mail (a new
segment)."""
_SYSTEM: Final = SystemResolver()


@dataclass(slots=True, eq=False)
class OpenSite:
    """What is open in this worker."""

    config: SiteConfig
    data: Path
    clock: Clock
    events: EventFanout
    diagnostics: Diagnostics
    journal: Journal
    ids: IdMaker
    calls: Calls
    commit_log: WorkerLog
    cache: CredentialCache
    serving: bool = True
    late: str = ""  # the finding about an instance that was cancelled because it opened too slowly
    connections: set[SocketConnection] = field(default_factory=set)
    products: dict[tuple[str, str], Any] = field(default_factory=dict)
    directory: CombinedAccounts = field(init=False)
    ledger: WorkerLedger = field(init=False)
    _flows: dict[str, Flow] = field(default_factory=dict)
    _gates: dict[str, HostGate] = field(default_factory=dict)
    _outgoing: OutgoingStage | None = None
    _sessions: dict[str, SessionRules] = field(default_factory=dict)
    _supervised: dict[tuple[str, str], Supervised[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.directory = CombinedAccounts((), self.supervision)
        site = self.config.site
        reserve_octets = RESERVE_SEGMENTS * site.segment
        self.ledger = WorkerLedger(site.memory, reserve_octets, self.commit_log.free_octets)

    def add(self, instance: Instance, product: object) -> None:
        """Add an instance that has opened. With the last of the site's account instances, the
        directory is made."""
        self.products[instance.role, instance.name] = product
        accounts = self.config.site.accounts
        if instance.role == "account" and all(("account", n) in self.products for n in accounts):
            self.directory = self.accounts(())

    @property
    def state(self) -> State | None:
        """The site's shared state, if it names one."""
        product: State | None = self.products.get(("state", self.config.site.state or ""))
        return product

    @property
    def resolver(self) -> Resolver:
        """The site's resolver; the system's if it names none."""
        product: Resolver | None = self.products.get(("resolver", self.config.site.resolver or ""))
        return _SYSTEM if product is None else product

    def opened(self, role: str) -> list[tuple[str, Any]]:
        """The opened instances of a role, with their names, in the configuration's order."""
        return [(name, one) for (kind, name), one in self.products.items() if kind == role]

    def stores(self, directory: Directory) -> Stores:
        """All stores that are open, for the accounts of this directory."""
        stores = {name: self.supervised("store", name) for name, _ in self.opened("store")}
        return Stores(stores, self.config.site.store, directory, self.supervision)

    @property
    def _chains(self) -> ChainMaker:
        return ChainMaker(self.config.instances, self.products, self.supervision, self._sessions)

    @property
    def _lines(self) -> MailLines:
        return MailLines(self.diagnostics, frozenset(self.config.site.log.messages))

    @property
    def supervision(self) -> Supervision:
        """How products are called."""
        return Supervision(self.diagnostics, self.events, self.calls)

    def supervised(self, role: str, name: str) -> Supervised[Any]:
        """A product that is not called by a chain. It is always the same object, because it counts
        the deadlines that the product has missed."""
        one = self._supervised.get((role, name))
        if one is None:
            instance, product = self.config.instances[role, name], self.products[role, name]
            source = source_of_instance(instance, product)
            one = Supervised(product, Callee(role, instance.full_name, source))
            self._supervised[role, name] = one
        return one

    def accounts(self, names: tuple[str, ...]) -> CombinedAccounts:
        """These account instances as one; the site's if none are named."""
        chosen = names or self.config.site.accounts
        instances = [self.supervised("account", name) for name in chosen]
        return CombinedAccounts(instances, self.supervision)

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
        mechanisms: dict[str, Supervised[SaslMechanism]] = {}
        for name in settings.sasl:
            product: Supervised[SaslProduct] = self.supervised("sasl", name)
            for mechanism in product.product.mechanisms:
                mechanisms[mechanism.mechanism] = Supervised(mechanism, product.callee)
        before, after, record = self._chains.login(settings)
        names = settings.accounts or self.config.site.accounts
        return HostGate(
            GateParts(
                mechanisms,
                self.accounts(settings.accounts),
                before,
                after,
                record,
                self.cache,
                self.clock,
                self.events,
                self.diagnostics,
                self.supervision,
                "\0".join(names),
                settings.plaintext_without_tls,
                frozenset(self.config.site.log.logins),
            )
        )

    def flow_of(self, instance: Instance) -> Flow:
        """The mail flow of a listener."""
        flow = self._flows.get(instance.name)
        if flow is None:
            settings = _as(ReceivingSettings, instance)
            flow = self._flows[instance.name] = Flow(self._make_plan(settings))
        return flow

    def _make_plan(self, settings: ReceivingSettings) -> FlowPlan:
        directory = self.accounts(settings.accounts)
        guards = tuple(self.supervised("guard", name) for name in settings.guards)
        stores = self.stores(directory)
        local = LocalDelivery(
            stores,
            self._chains.delivery(settings),
            guards,
            self.clock,
            self.supervision,
            self._lines,
        )
        kind = EntryKind.SUBMITTED if settings.submission else EntryKind.RELAYED
        return FlowPlan(
            settings=self._flow_settings(settings),
            chains=self._chains.mailflow(settings),
            directory=directory,
            delivery=self._delivery(directory, local, kind),
            journal=self.journal,
            events=self.events,
            diagnostics=self.diagnostics,
            clock=self.clock,
            ids=self.ids,
            late=LateCommits(self.clock),
            lines=self._lines,
            free_octets=self.commit_log.free_octets,
            ledger=self.ledger,
        )

    def _flow_settings(self, settings: ReceivingSettings) -> FlowSettings:
        site = self.config.site
        postmaster = Address.parse(site.postmaster) if site.postmaster is not None else None
        return FlowSettings(
            hostname=site.hostname,
            size_limit_octets=settings.size_limit,
            reject_at=settings.reject_at,
            require_login=settings.require_login,
            reserve_octets=RESERVE_SEGMENTS * site.segment,
            postmaster=postmaster,
            submission=settings.submission,
        )

    @property
    def outgoing(self) -> OutgoingStage:
        """The stage that everything for elsewhere passes; one for the whole site."""
        if self._outgoing is None:
            self._outgoing = self._chains.outgoing(self.config.site.outgoing)
        return self._outgoing

    def _delivery(
        self, directory: Directory, local: LocalDelivery, kind: EntryKind
    ) -> DeliveryParts:
        queue = self.config.site.queue or ""
        return DeliveryParts(
            kind=kind,
            hostname=self.config.site.hostname,
            directory=directory,
            local=local,
            outgoing=self.outgoing,
            queue=self.supervised("queue", queue) if ("queue", queue) in self.products else None,
            commit_log=self.commit_log,
            clock=self.clock,
            diagnostics=self.diagnostics,
            supervision=self.supervision,
        )

    async def submit(self, origin: str, envelope: Envelope, content: Content) -> None:
        """Send a message of the host or a plugin; it is durable on return."""
        no_rules = Chain(DELIVERY, (), self.supervision)
        local = LocalDelivery(
            self.stores(self.directory), no_rules, (), self.clock, self.supervision, self._lines
        )
        identifier = self.ids.make()
        entry = self.journal.begin(identifier, listener=origin, sender=str(envelope.sender or ""))
        session = Session(identifier, origin, "local", None)
        transaction = Transaction(identifier, session, envelope.sender, entry)
        parts = self._delivery(self.directory, local, EntryKind.REPORT)
        await submit(parts, transaction, Sending(EntryKind.REPORT, envelope, content))
        entry.note(outcome="stored", recipients=[str(r.address) for r in envelope.recipients])
        self.journal.write(entry)


def _as(kind: type[Any], instance: Instance) -> Any:  # noqa: ANN401 - the caller names the type
    if not isinstance(instance.settings, kind):
        raise PluginError(
            f"{instance.full_name}: its settings must derive from {kind.__module__}.{kind.__name__}"
        )
    return instance.settings
