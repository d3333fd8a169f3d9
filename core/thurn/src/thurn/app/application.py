"""What the processes of `thurn.app` run: check a configuration, and serve it in a worker.

The template calls `check` once per generation; each forked worker calls `run_worker` with what it
returned (see `thurn.app.worker`). The housekeeper runs the services of scope "site", the
settling of the commit log and the journal's retention; it accepts no connections.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from grp import getgrnam
from pathlib import Path
from pwd import getpwnam
from typing import Any, Final

import trio

from thurn.app.control import serve_control
from thurn.app.opened import OpenSite
from thurn.app.plan import ProcessPlan
from thurn.app.site import open_site
from thurn.app.worker import WorkerControl
from thurn.chain.supervision import Supervised, Supervision
from thurn.config.files import Source, read
from thurn.config.instances import Instance, SiteConfig, load
from thurn.contracts.connection import Connection
from thurn.contracts.listener import Listener, ListenerSettings, SocketListener
from thurn.contracts.service import Service
from thurn.hooks.registry import Registry
from thurn.log import settle_sealed
from thurn.mailflow.sessionrules import end_session
from thurn.net.connection import EndReason, SocketConnection
from thurn.net.listen import is_of_connection, serve
from thurn.net.shares import SharedCounts, WorkerCounts
from thurn.telemetry.journal import retire
from thurn.telemetry.log import configure
from thurn.types.errors import ConfigError, StorageTrouble
from thurn.types.session import Session

RETENTION_CHECK_SECONDS: Final = 3600.0
"""Seconds between two looks for old files of the journal, which are a day long."""
RESTART_SECONDS: Final = (1.0, 60.0)
"""Pauses before a failed service starts again: the first one, and the longest."""
FAREWELL_SECONDS: Final = 1.0
"""Seconds that the sessions of a worker whose log has failed get to answer their peers."""


@dataclass(frozen=True, slots=True)
class SitePlan(ProcessPlan):
    """A process plan, with what the template has made for the workers that it forks.

    Attributes:
        config: the checked configuration.
        counts: the numbers of connections of all workers.
        reserved: what all workers have reserved of the disk (`thurn.app.ledger`).
    """

    config: SiteConfig | None = None
    counts: SharedCounts | None = None
    reserved: SharedCounts | None = None


def check(config_paths: Sequence[Path], on_import: Callable[[str], None] | None = None) -> SitePlan:
    """Check a configuration and say how it is to be run.

    Args:
        config_paths: the site's file, and its overlays.
        on_import: called with the name of each plugin before it is imported, and with "" after it.

    Raises:
        ConfigError: something is wrong; it has all findings.
    """
    configure()
    source = read(config_paths)
    findings = _unknown_accounts(source)
    try:
        config = load(source, Registry(on_import=on_import))
    except ConfigError as error:
        raise ConfigError([*error.findings, *findings]) from error
    if findings:
        raise ConfigError(findings)
    plan = plan_of(config, tuple(config_paths))
    workers = plan.workers
    return replace(plan, counts=SharedCounts(workers), reserved=SharedCounts(workers))


def _unknown_accounts(source: Source) -> list[str]:
    """Findings about an account or a group that this machine does not have. The models cannot check
    that, because another machine may have them."""
    section = source.tables.get("site")
    findings: list[str] = []
    for key, what, find in (("user", "account", getpwnam), ("group", "group", getgrnam)):
        name = section.get(key) if isinstance(section, dict) else None
        try:
            _ = isinstance(name, str) and find(name)
        except KeyError:
            where = source.where(("site", key))
            findings.append(f"{where}: site.{key}: this machine has no {what} {name}")
    return findings


def plan_of(config: SiteConfig, config_paths: tuple[Path, ...] = ()) -> SitePlan:
    """How a checked configuration is to be run."""
    site = config.site
    places = {key: f"{config.source.where(('site', key))}: site.{key}" for key in ("data", "user")}
    binds: list[str] = []
    for instance in config.of_role("listener"):
        place = config.source.where((instance.role, instance.name, "bind"))
        for spec in listener_settings(instance).bind:
            if spec in binds:  # with port 0: the supervisor finds sockets by their specification
                text = f"another listener has {spec}, too: give each listener its own address"
                raise ConfigError([f"{place}: {instance.full_name}: {text}"])
            binds.append(spec)
            places[spec] = f"{place}: {instance.full_name}"
    return SitePlan(
        hostname=site.hostname,
        data=site.data,
        workers=site.workers or os.cpu_count() or 1,
        binds=tuple(binds),
        uid_name=site.user,
        gid_name=site.group,
        allow_root=site.allow_root,
        drain_seconds=site.drain,
        stop_seconds=site.stop,
        places=places,
        worker_timeout_seconds=site.worker_timeout,
        config_paths=config_paths,
        config=config,
    )


def listener_settings(instance: Instance) -> ListenerSettings:
    """The settings of a listener. Raises ConfigError if its plugin's model is not derived from
    ListenerSettings."""
    settings = instance.settings
    if not isinstance(settings, ListenerSettings):
        text = "the plugin's settings are not derived from ListenerSettings"
        raise ConfigError([f"{instance.source}: {instance.full_name}: {text}"])
    return settings


async def run_worker(
    plan: SitePlan,
    sockets: Mapping[str, list[socket.socket]],
    control: WorkerControl,
    *,
    housekeeper: bool,
) -> None:
    """Open everything and serve until drained."""
    if plan.config is None:
        raise ConfigError(["the plan has no configuration"])
    opening = open_site(plan.config, on_opening=control.opening)
    async with opening as opened, trio.open_nursery() as nursery:
        nursery.start_soon(_end_with_log, opened, control.draining)
        scope = "site" if housekeeper else "worker"
        for name, service in _services(opened, scope):
            nursery.start_soon(supervise, opened, name, service)
        if housekeeper:
            nursery.start_soon(partial(settle, opened))
            nursery.start_soon(_retire_journal, opened)
        control.count_sessions = partial(len, opened.connections)
        control.ready()
        if housekeeper:
            await serve_control(opened, control)
        else:
            counts = None if plan.counts is None else plan.counts.of_worker(control.number)
            if plan.reserved is not None:
                opened.ledger.counts = plan.reserved.of_worker(control.number)
            await serve_listeners(opened, sockets, control.draining, counts)
        await control.draining.wait()
        nursery.cancel_scope.cancel()


async def serve_listeners(
    site: OpenSite,
    sockets: Mapping[str, list[socket.socket]],
    draining: trio.Event,
    counts: WorkerCounts | None = None,
) -> None:
    """Serve every listener; returns when draining is set and the last session has ended."""
    async with trio.open_nursery() as nursery:
        for instance in site.config.of_role("listener"):
            settings = listener_settings(instance)
            bound = [one for spec in settings.bind for one in sockets.get(spec, [])]
            product = site.products["listener", instance.name]
            if isinstance(product, Listener):
                make_session = partial(_session, site, instance.name, product.protocol)
                tls = site.products["tls", settings.tls] if settings.tls is not None else None
                one = ServedListener(site.supervised("listener", instance.name), site.supervision)
                serving = partial(serve, bound, settings, one, make_session)
                serving = partial(serving, name=instance.name, counts=counts)
                serving = partial(serving, open_connections=site.connections)
                nursery.start_soon(partial(serving, tls=tls, draining=draining))
            else:
                nursery.start_soon(_serve_sockets, product, bound, draining)


@dataclass(frozen=True, slots=True)
class ServedListener:
    """A listener whose failures are reported, and whose sessions close their rules at the end."""

    _listener: Supervised[Listener]
    _supervision: Supervision

    @property
    def protocol(self) -> str:
        """The listener's word for its protocol."""
        return self._listener.product.protocol

    def farewell(self, reason: EndReason) -> bytes:
        """The octets that the listener sends at the end, for this reason."""
        return self._listener.product.farewell(reason)

    async def serve(self, connection: Connection, session: Session) -> None:
        """Speak until the session is done. Raises what the listener raises."""
        task, sessions = trio.lowlevel.current_task(), self._supervision.calls.sessions
        if isinstance(connection, SocketConnection):
            sessions[task] = partial(self._cut, connection)
        try:
            await self._listener.product.serve(connection, session)
        except BaseException as error:
            if isinstance(error, Exception) and not is_of_connection(error):
                self._supervision.raised(self._listener.callee, error)
            raise
        finally:
            sessions.pop(task, None)
            await end_session(session)

    def _cut(self, connection: SocketConnection) -> None:
        try:
            farewell = self._listener.product.farewell("error")
        except Exception as error:  # noqa: BLE001 - an error of a plugin must not keep the session
            self._supervision.raised(self._listener.callee, error)
            farewell = b""
        connection.cut(farewell)


async def _serve_sockets(
    product: SocketListener, bound: Sequence[socket.socket], draining: trio.Event
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(product.serve_sockets, bound)
        await draining.wait()
        nursery.cancel_scope.cancel()


def _session(site: OpenSite, listener: str, protocol: str, connection: SocketConnection) -> Session:
    """The session of a new connection."""
    return Session(
        site.ids.make(),
        listener,
        protocol,
        connection.peer,
        peer_port=connection.peer_port,
        local_port=connection.local_port,
        tls=connection.tls,
    )


def _services(site: OpenSite, scope: str) -> list[tuple[str, Service]]:
    services: list[tuple[str, Any]] = [
        (name, product) for (role, name), product in site.products.items() if role == "service"
    ]
    return [(name, service) for name, service in services if service.scope == scope]


async def supervise(site: OpenSite, name: str, service: Service) -> None:
    """Run a service; if it raises, start it again after a pause that grows each time."""
    pause, longest = RESTART_SECONDS
    callee = site.supervised("service", name).callee
    while True:
        try:
            await service.run()
        except BaseException as error:  # noqa: BLE001 - supervision point: one service
            judged = site.supervision.judge(callee, error)
            if not isinstance(judged, Exception):  # cancellation
                raise judged from None
            site.diagnostics.error(
                "service.failed", service=name, failure=repr(error), again_in=pause
            )
        else:
            return
        await trio.sleep(pause)
        pause = min(2 * pause, longest)


async def settle(site: OpenSite, *, once: bool = False) -> None:
    """Settle the commit log, for ever or once."""
    await settle_sealed(
        site.data / "log",
        site.commit_log.owners,
        clock=site.clock,
        once=once,
        filesystems=(site.data,),
        report=site.diagnostics.warning,
    )


async def _retire_journal(site: OpenSite) -> None:
    while True:
        retention = site.config.site.journal_retention
        for name in retire(site.data / "journal", site.clock.wall(), retention):
            site.diagnostics.info("journal.retired", file=name)
        await trio.sleep(RETENTION_CHECK_SECONDS)


async def _end_with_log(site: OpenSite, draining: trio.Event) -> None:
    """End the worker if its commit log has failed, which cannot be used again; it is replaced."""
    await site.commit_log.failed.wait()
    draining.set()  # what is under way is answered 451, and the next command 421
    await trio.sleep(FAREWELL_SECONDS)
    raise StorageTrouble("the commit log has failed")
