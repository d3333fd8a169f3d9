"""Opens the instances of a site one after the other, and checks the product of each.

Rules of this file:
1. What an instance does wrong while it opens is a finding with its section, its code, and what to
   change. The first finding ends the start.
2. Opening is bounded. If it waits too long, it is cancelled. If it blocks or ignores its
   cancellation, the supervisor names the instance, because it knows which one is being opened.
"""

from __future__ import annotations

import inspect
import math
import sysconfig
import traceback
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Final

import trio

from thurn.app.context import InstanceContext
from thurn.app.opened import OpenSite
from thurn.chain.calls import Callee
from thurn.config.instances import Instance
from thurn.hooks.roles import problems_of, unasked
from thurn.hooks.source import code_of
from thurn.types.errors import ConfigError, PluginError

OPEN_SECONDS: Final = 60.0
"""Most seconds that one instance may take to open: a connection to a server that does not answer
fails in that time, and what takes longer belongs into a background task."""

_TRIO: Final = str(Path(trio.__file__).parent)
_LIBRARY: Final = sysconfig.get_path("stdlib")


async def open_instances(
    stack: AsyncExitStack,
    site: OpenSite,
    scope: trio.CancelScope,
    on_opening: Callable[[str], None],
) -> None:
    """Open every instance in the order of its needs.

    Args:
        stack: closes the instances in reverse order.
        site: gets the products.
        scope: the scope around everything that is opened; its deadline is set here.
        on_opening: called with the name of each instance before it is opened, and with "" at the
            end.

    Raises:
        ConfigError: an instance cannot open, or its product does not fit its role.
    """
    for instance in site.config.instances.values():
        on_opening(instance.full_name)
        owners = len(site.commit_log.owners)
        scope.deadline = trio.current_time() + OPEN_SECONDS
        try:
            product = await _open(stack, site, instance)
        except BaseException as error:
            if scope.cancel_called:
                site.late = _late(instance, f"it waits at {_place(error)}")
            raise
        scope.deadline = math.inf
        if scope.cancel_called:
            raise ConfigError([_late(instance, "it did not end when it was cancelled")])
        findings = [*problems_of(instance.role, product)]
        if len(site.commit_log.owners) > owners and not instance.factory.owns_records:
            findings.append("it registers with the commit log: declare owns_records=True")
        if findings:
            raise ConfigError([f"{_named(instance, product)}: {text}" for text in findings])
        for text in unasked(instance.role, product):
            site.diagnostics.warning("plugin.unasked", plugin=instance.full_name, detail=text)
        site.add(instance, product)
    on_opening("")


async def _open(stack: AsyncExitStack, site: OpenSite, instance: Instance) -> object:
    who = f"{instance.source}: {instance.full_name}"
    try:
        opening = instance.factory.open(instance.settings, InstanceContext(site, instance))
        _check_manager(instance, opening)
        product: object = await stack.enter_async_context(_Background(opening, site, instance))
    except ConfigError as error:
        raise ConfigError([f"{who}: {text}" for text in error.findings]) from error
    except (OSError, ValueError, PluginError) as error:
        raise ConfigError([f"{who} cannot open: {error}"]) from error
    return product


class _Background(AbstractAsyncContextManager[object]):
    """The opened instance with its background tasks; an error of one is reported with its name."""

    def __init__(
        self, opening: AbstractAsyncContextManager[object], site: OpenSite, instance: Instance
    ) -> None:
        self._opening, self._site, self._instance = opening, site, instance

    async def __aenter__(self) -> object:
        return await self._opening.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        try:
            return await self._opening.__aexit__(kind, error, trace)
        except BaseException as raised:
            own = _leaves(raised) - _leaves(error)
            if own:
                self._report(next(iter(own)))
            raise

    def _report(self, error: BaseException) -> None:
        instance = self._instance
        callee = Callee("background", instance.full_name, instance.factory.source)
        self._site.supervision.raised(callee, error)


def _leaves(error: BaseException | None) -> set[BaseException]:
    """The exceptions of a group, without cancellations."""
    if isinstance(error, BaseExceptionGroup):
        return {leaf for one in error.exceptions for leaf in _leaves(one)}
    return set() if error is None or isinstance(error, trio.Cancelled) else {error}


def _check_manager(instance: Instance, opening: object) -> None:
    """Raise ConfigError if a factory returns something else than a context manager."""
    if isinstance(opening, AbstractAsyncContextManager):
        return
    if inspect.iscoroutine(opening):
        opening.close()
    code, kind = instance.factory.source, type(opening).__name__
    raise ConfigError([f"it opens a {kind} ({code}): decorate it with @asynccontextmanager"])


def _late(instance: Instance, detail: str) -> str:
    who = f"{instance.source}: {instance.full_name} ({instance.factory.source})"
    return f"{who} is not open after {OPEN_SECONDS:g} s; {detail}"


def _named(instance: Instance, product: object) -> str:
    """An instance by its section and by the code of what it has opened."""
    return f"{instance.source}: {instance.full_name} ({code_of(product, instance.factory.source)})"


def _place(error: BaseException) -> str:
    """file:line of the code that waits for trio, in the first task of a nursery that has any."""
    if isinstance(error, BaseExceptionGroup):
        places = [_place(one) for one in error.exceptions]
        return next((place for place in places if place != "?"), "?")
    place = "?"
    for frame, line in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        if name.startswith(_TRIO):
            break
        if _LIBRARY not in name or "site-packages" in name:
            place = f"{name}:{line}"
    return place
