"""Opens a configuration in a worker process: the commit log, every named instance after those that
it needs, and then the mail flows and gates of the listeners.

Order: clock, journal, log; then the instances, which register with the log as they open; then
recovery. Nothing is served before everything that was acknowledged is restored.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import trio

from thurn.app.opened import OpenSite
from thurn.app.opening import open_instances
from thurn.app.siteid import check_site_id
from thurn.chain.calls import Calls
from thurn.chain.current import CurrentRule, left_behind
from thurn.config.instances import SiteConfig
from thurn.contracts.clock import Clock
from thurn.contracts.context import Diagnostics
from thurn.gate.cache import CredentialCache
from thurn.log import LogSettings, closed_log, open_log, recover
from thurn.telemetry.clock import SystemClock
from thurn.telemetry.events import EventFanout
from thurn.telemetry.ids import IdMaker
from thurn.telemetry.journal import Journal
from thurn.telemetry.log import logger
from thurn.types.errors import ConfigError

STARTING_OCTETS: Final = 1 << 20
"""Free octets on the disk below which a failed start is reported as caused by the full disk."""
MARKED_ROLES: Final = ("queue", "store")
"""Roles whose instances' directories are marked as the site's (`thurn.app.siteid`)."""
_SLOW_SYNC: Final = {"auto": 0.001, "inline": float("inf"), "thread": 0.0}


@asynccontextmanager
async def open_site(
    config: SiteConfig,
    *,
    clock: Clock | None = None,
    with_log: bool = True,
    serving: bool = True,
    on_opening: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[OpenSite]:
    """Open everything that the configuration names, recover, and close it all at the end.

    Args:
        config: checked.
        clock: for tests; the system's if None.
        with_log: False leaves the commit log alone: for a part of a site that has no records
            there. Whatever commits to it then fails.
        serving: False for a command (`Context.serving`).
        on_opening: called with the name of each instance before it is opened, and then with "".

    Raises:
        ConfigError: an instance cannot open with its settings, named with file and line; or a
            directory of the site is not mounted.
    """
    data = config.site.data
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_site_id(data, _places(config), may_mark=with_log)
    failure: Exception | None = None
    site: OpenSite | None = None
    with trio.CancelScope() as scope:
        async with AsyncExitStack() as stack:
            try:
                site = await _open(stack, config, clock or SystemClock(), with_log)
                site.serving = serving
                await open_instances(stack, site, scope, on_opening)
                if with_log:
                    await trio.to_thread.run_sync(_recover, site)
            except Exception as error:  # noqa: BLE001 - raised below, out of the nurseries' groups
                failure = error
            else:
                _journal_left_behind(site)
                stack.push_async_callback(site.calls.close)
                yield site
    if site is not None and site.late:
        failure = ConfigError([site.late])
    if failure is not None:
        raise _explained(failure, data)


def _places(config: SiteConfig) -> list[str]:
    """The directories that hold mail, relative to the data directory."""
    named = [f"{one.role}/{one.name}" for role in MARKED_ROLES for one in config.of_role(role)]
    return ["log", *named]


async def _open(
    stack: AsyncExitStack, config: SiteConfig, clock: Clock, with_log: bool
) -> OpenSite:
    """The site without its instances."""
    data = config.site.data
    diagnostics: Diagnostics = logger()
    events = EventFanout(lambda error: diagnostics.error("event.failed", failure=repr(error)))
    if with_log:
        settings = LogSettings(
            segment_octets=config.site.segment, slow_sync_seconds=_SLOW_SYNC[config.site.sync]
        )
        opening = open_log(data / "log", clock=clock, settings=settings, report=diagnostics.warning)
        log = await stack.enter_async_context(opening)
    else:
        log = closed_log(data / "log", clock)
    current = CurrentRule(data / "run" / f"{os.getpid()}.watch")
    site = OpenSite(
        config,
        data,
        clock,
        events,
        diagnostics,
        Journal(data / "journal", clock),
        IdMaker(clock.wall),
        Calls(current),
        log,
        CredentialCache(clock),
    )
    stack.callback(current.close)
    stack.callback(site.journal.close)
    return site


def _explained(failure: Exception, data: Path) -> Exception:
    """The failure; if the disk is full, with what to do about it."""
    status = os.statvfs(data)
    free_octets = status.f_bavail * status.f_frsize
    if free_octets >= STARTING_OCTETS:
        return failure
    full = f"the disk of {data} is full ({free_octets} octets are left): make room and start again"
    findings = failure.findings if isinstance(failure, ConfigError) else [repr(failure)]
    return ConfigError([f"{full}; nothing that was acknowledged is lost", *findings])


def _recover(site: OpenSite) -> None:
    """Replay what killed workers have left, before anything is served."""
    report = site.diagnostics.warning
    done = recover(site.data / "log", site.commit_log.owners, clock=site.clock, report=report)
    site.commit_log.note_recovered()
    if done.records:
        site.diagnostics.info(
            "log.recovered", segments=done.segments, records=done.records, aside=done.aside
        )


def _journal_left_behind(site: OpenSite) -> None:
    """Journal the transactions in which a worker was killed in a rule (see
    `thurn.chain.current`)."""
    for identifier, stage, instance, source in left_behind(site.data / "run"):
        entry = site.journal.begin(identifier, outcome="deferred", reason="plugin.blocked")
        entry.stage(
            stage,
            instance,
            "blocked",
            reason="plugin.blocked",
            source=source,
            detail="the worker did not come back from this call and was replaced",
        )
        site.journal.write(entry)
