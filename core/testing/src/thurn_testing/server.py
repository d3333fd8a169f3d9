"""A whole site in this process: real plugins, real sockets on loopback, one trio loop.

    async with open_server(tables, tmp_path) as server:
        smtplib.SMTP("127.0.0.1", server.port("mx"))      # in a thread

`tables` is the site's file as a dict. Listeners bind "127.0.0.1:0"; `server.port` tells the port.
Nothing is forked; the services of scope "site" and the settling run when the test asks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any, Final, TypeVar

import trio
from thurn.app.application import serve_listeners, settle
from thurn.app.opened import OpenSite
from thurn.app.site import open_site
from thurn.config.files import of_tables
from thurn.config.instances import SiteConfig, load
from thurn.contracts.clock import Clock
from thurn.contracts.factory import Factory
from thurn.contracts.store import AccountHandle
from thurn.hooks.registry import Registry
from thurn.net.bind import bind
from thurn.telemetry.journal import latest
from thurn.types.identity import AccountId

R = TypeVar("R")

SEGMENT: Final = "1MiB"
"""Size of a commit log segment where the tables name none: each start writes one in full, twice."""


class Server:
    """What a test may ask of the running site."""

    def __init__(self, site: OpenSite, ports: Mapping[str, int], draining: trio.Event) -> None:
        self.site = site
        self.draining = draining
        self._ports = ports

    def port(self, listener: str) -> int:
        """The port of a listener's first socket."""
        return self._ports[listener]

    @property
    def config(self) -> SiteConfig:
        """The checked configuration."""
        return self.site.config

    async def open_account(self, name: str) -> AccountHandle:
        """An account's mailboxes, as the host sees them."""
        return await self.site.stores(self.site.directory).open(AccountId(name), None)

    def journal(self, count: int = 100) -> list[dict[str, Any]]:
        """The newest records of the journal."""
        return latest(self.site.data / "journal", count)

    async def settle(self) -> None:
        """Bring what the commit log holds to its final place, once."""
        await settle(self.site, once=True)

    @staticmethod
    async def in_thread(function: Callable[..., R], *arguments: object, **named: object) -> R:
        """Run a blocking client beside the server."""
        return await trio.to_thread.run_sync(
            partial(function, *arguments, **named), abandon_on_cancel=True
        )


@asynccontextmanager
async def open_server(
    tables: Mapping[str, Any],
    base: Path,
    *,
    plugins: Sequence[Factory] = (),
    clock: Clock | None = None,
) -> AsyncIterator[Server]:
    """A site that accepts connections until the block ends.

    Args:
        tables: the configuration; `site.data` defaults to `base / "data"`, `site.segment` to
            `SEGMENT`.
        base: a directory of the test's own; relative paths start there.
        plugins: factories that are not installed.
        clock: for tests that move time.
    """
    registry = Registry()
    if plugins:
        _load_installed(registry, tables)
    for factory in plugins:
        registry.add(factory)
    site_table = {"data": "data", "segment": SEGMENT, **tables.get("site", {})}
    complete, sockets, ports = _bind({**tables, "site": site_table})
    try:
        config = load(of_tables(complete, base), registry)
        draining = trio.Event()
        async with open_site(config, clock=clock) as site, trio.open_nursery() as nursery:
            nursery.start_soon(serve_listeners, site, sockets, draining)
            yield Server(site, ports, draining)
            nursery.cancel_scope.cancel()
    finally:
        for one in (one for bound in sockets.values() for one in bound):
            one.close()


def _load_installed(registry: Registry, tables: Mapping[str, Any]) -> None:
    """Load what is installed, so that roles which plugins add are there for those given; what
    goes wrong is found again when the configuration is checked."""
    sections = [
        (role, section)
        for role, group in tables.items()
        if role != "site"
        for section in group.values()
    ]
    for _ in registry.load(f"{role}.{section.get('type')}" for role, section in sections):
        pass


def _bind(
    tables: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, list[socket]], dict[str, int]]:
    """Bind what the listeners name; a port 0 becomes the one that the kernel chose."""
    sockets: dict[str, list[socket]] = {}
    ports: dict[str, int] = {}
    listeners: dict[str, Any] = {}
    for name, section in tables.get("listener", {}).items():
        specs: list[str] = []
        for spec in section.get("bind", ["127.0.0.1:0"]):
            bound = bind(spec)
            if spec.endswith(":0"):
                port = bound[0].getsockname()[1]
                spec = f"{spec.removesuffix(':0')}:{port}"  # noqa: PLW2901 - the same thing
                ports.setdefault(name, port)
            sockets[spec] = bound
            specs.append(spec)
        listeners[name] = {**section, "bind": specs}
    return {**tables, "listener": listeners}, sockets, ports
