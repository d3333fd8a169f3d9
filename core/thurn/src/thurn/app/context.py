"""The contexts that plugins get (`thurn.contracts.context`), for one opened site."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from thurn.app.opened import OpenSite
from thurn.config.instances import Instance
from thurn.contracts.account import Directory
from thurn.contracts.clock import Clock
from thurn.contracts.commitlog import CommitLog
from thurn.contracts.context import Diagnostics, Events, missing_attribute
from thurn.contracts.gate import Gate
from thurn.contracts.ledger import Ledger
from thurn.contracts.mailflow import Mailflow
from thurn.contracts.resolver import Resolver
from thurn.contracts.state import State
from thurn.contracts.store import AccountHandle
from thurn.directory.stores import Stores
from thurn.telemetry.log import logger
from thurn.types.content import Content
from thurn.types.envelope import Envelope
from thurn.types.errors import ConfigError, PluginError
from thurn.types.identity import AccountId, Identity

P = TypeVar("P")


class InstanceContext:
    """What one instance may use of the host."""

    def __init__(self, site: OpenSite, instance: Instance) -> None:
        self._site = site
        self._instance = instance
        self._stores: Stores | None = None
        self.name = instance.full_name
        self.hostname = site.config.site.hostname
        self.serving = site.serving
        self.commit_log: CommitLog = site.commit_log
        self.diagnostics: Diagnostics = logger(plugin=self.name)
        self.clock: Clock = site.clock
        self.events: Events = site.events
        self.ledger: Ledger = site.ledger

    @property
    def data(self) -> Path:
        """This instance's own directory."""
        path = self._site.data / self._instance.role / self._instance.name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    @property
    def state(self) -> State:
        """Small shared state."""
        if self._site.state is None:
            raise ConfigError([f"{self.name} needs shared state: set site.state"])
        return self._site.state

    @property
    def resolver(self) -> Resolver:
        """The DNS."""
        return self._site.resolver

    @property
    def directory(self) -> Directory:
        """The site's accounts."""
        return self._site.directory

    def require(self, contract: type[P], role: str, instance: str) -> P:
        """The opened instance."""
        product: P | None = self._site.products.get((role, instance))
        if product is None:
            raise PluginError(f"{self.name}: no Ref field of its settings names {role}.{instance}")
        return product

    def source(self, *key: str) -> str:
        """`file:line` of a key of this section."""
        path = (self._instance.role, self._instance.name, *key)
        return self._site.config.source.where(path)

    async def submit(self, envelope: Envelope, content: Content) -> None:
        """Send a message of this plugin."""
        await self._site.submit(self.name, envelope, content)

    # listeners

    @property
    def gate(self) -> Gate:
        """Login of this listener."""
        return self._site.gate_of(self._instance)

    @property
    def mailflow(self) -> Mailflow:
        """Receiving of this listener."""
        return self._site.flow_of(self._instance)

    async def open_account(self, account: AccountId, identity: Identity) -> AccountHandle:
        """An account's mailboxes."""
        if self._stores is None:
            directory = self._site.accounts_of(self._instance)
            self._stores = self._site.stores(directory)
        return await self._stores.open(account, identity)

    # site services

    def instances(self, role: str) -> Sequence[tuple[str, Any]]:
        """The opened instances of a role."""
        return self._site.opened(role)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            raise AttributeError(missing_attribute("a plugin's context", name))
