"""Finds plugins by their entry points and asks them what they can build.

Rules of this file:
1. Entry points are read once per process; only those that a configuration names are loaded.
2. An entry point leads to a `Factory`, or to an object (a module) with hook implementations; its
   name is the role and type of what it offers. Anything else is a finding, never a traceback.
3. A distribution whose metadata does not say that it fits this API is not imported.
4. Two factories of one (role, type) are a finding that names both distributions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Final

import pluggy
from importlib_metadata import EntryPoint, entry_points

from thurn.contracts.factory import Factory
from thurn.contracts.settings import Settings
from thurn.hooks.importing import ImportOverran, bounded_import
from thurn.hooks.markers import PROJECT, hookimpl
from thurn.hooks.requirement import problem_of, requirement_names
from thurn.hooks.source import source_of
from thurn.hooks.specs import RoleSpecs
from thurn.types.errors import PluginError

GROUP: Final = "thurn"
COMMANDS: Final = "thurn.commands"
FAMILIES: Final = "thurn.families"
"""The group of entry points by which a plugin that heads a family names the role that it
declares."""
_PREFIX: Final = f"{PROJECT}_register_"


@cache
def installed(group: str = GROUP) -> tuple[EntryPoint, ...]:
    """All entry points of a group. Read once per process, because every distribution is looked
    at."""
    return tuple(entry_points(group=group))


@dataclass(frozen=True, slots=True)
class Registration:
    """A factory and the distribution that it came from."""

    factory: Factory
    distribution: str


class Registry:
    """The factories of one configuration.

    Args:
        available: the entry points of plugins; None: those that are installed.
        families: the entry points that name the roles of families; None: those that are installed.
        on_import: called with the name of each plugin before it is imported, and with "" after it.
    """

    def __init__(
        self,
        available: Iterable[EntryPoint] | None = None,
        families: Iterable[EntryPoint] | None = None,
        on_import: Callable[[str], None] | None = None,
    ) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(RoleSpecs)
        self._manager.hook.thurn_addhooks.call_historic(kwargs={"manager": self._manager})
        self._available: dict[str, list[EntryPoint]] = {}
        for point in installed() if available is None else available:
            self._available.setdefault(point.name, []).append(point)
        self._families = tuple(installed(FAMILIES) if families is None else families)
        self._on_import = on_import or _ignore
        self._loaded: dict[str, str] = {}
        self._registrations: dict[tuple[str, str], Registration] = {}

    def names(self, role: str | None = None) -> list[str]:
        """The names of the installed entry points, of one role or of all."""
        return sorted(n for n in self._available if role is None or n.startswith(f"{role}."))

    def roles(self) -> list[str]:
        """The roles that have a hook: the host's, and those that loaded plugins have added."""
        hooks = vars(self._manager.hook).items()
        known = [name for name, caller in hooks if name.startswith(_PREFIX) and caller.has_spec()]
        return [name.removeprefix(_PREFIX) for name in known]

    def declarer(self, role: str) -> str:
        """What to do about a role that no plugin in use declares, as far as the metadata of what is
        installed says which one would; "" if it does not."""
        heads = [point for point in self._families if point.name == role]
        heads_names = [
            name
            for head in heads
            for name, points in self._available.items()
            if any(_origin(point) == _origin(head) for point in points)
        ]
        if heads_names:
            kind, _, type_name = heads_names[0].partition(".")
            return f'; {heads_names[0]} declares it: add a [{kind}.NAME] with type = "{type_name}"'
        needed = {name for point in self._extensions(role) for name in _needed(point)}
        missing = sorted(
            needed - {_origin(p) for points in self._available.values() for p in points}
        )
        if missing:
            return f"; pip install {' '.join(missing)}, and use it: an extension needs it"
        return ""

    def load(self, names: Iterable[str]) -> Iterator[str]:
        """Import the plugins of these `<role>.<type>` names; yields the findings as texts."""
        fresh = sorted(set(names) - set(self._loaded))
        for name in fresh:
            points = self._available.get(name, [])
            if len(points) > 1:
                yield f"two distributions offer {name}: {_origin(points[0])}, {_origin(points[1])}"
            elif points:
                problem = self._register(points[0])
                if problem:
                    yield f"{name} ({_origin(points[0])}): {problem}"
        yield from self._collect()
        for name in fresh:
            role, _, type_name = name.partition(".")
            if name in self._loaded and (role, type_name) not in self._registrations:
                origin = self._loaded[name]
                yield f"{name} ({origin}): it has hooks, but none of them offers {role}.{type_name}"

    def add(self, factory: Factory, distribution: str = "(given)") -> None:
        """Register a factory that is not installed, for tests and for rules beside a
        configuration."""
        self._manager.register(_as_plugin(factory), f"{distribution}:{factory.type_name}")
        problems = list(self._collect())
        if problems:
            raise PluginError("; ".join(problems))

    def get(self, role: str, type_name: str) -> Factory | None:
        """The factory of a role and type, if its plugin was loaded."""
        registration = self._registrations.get((role, type_name))
        return None if registration is None else registration.factory

    def _register(self, point: EntryPoint) -> str:
        """Load an entry point; returns what is wrong, or ""."""
        distribution = getattr(point, "dist", None)
        if distribution is not None:
            problem = problem_of(distribution.requires)
            if problem:
                return problem
        self._on_import(f"{point.name} ({_origin(point)})")
        try:
            with bounded_import():
                loaded: object = point.load()
        except (Exception, SystemExit, ImportOverran) as error:  # noqa: BLE001 - any plugin's import
            return f"cannot be loaded: {_text_of(error)}"
        finally:
            self._on_import("")
        problem = _misfit(point, loaded)
        if not problem:
            plugin = _as_plugin(loaded) if isinstance(loaded, Factory) else loaded
            try:
                self._manager.register(plugin, f"{_origin(point)}:{point.name}")
            except Exception as error:  # noqa: BLE001 - hooks with a wrong form; `thurn_addhooks` runs
                return f"cannot be registered: {_text_of(error)}"
            self._loaded[point.name] = _origin(point)
        return problem

    def _collect(self) -> Iterator[str]:
        try:
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            yield str(error).strip()
        self._registrations.clear()
        for role in self.roles():
            caller = getattr(self._manager.hook, f"{_PREFIX}{role}")
            for implementation in caller.get_hookimpls():
                origin = implementation.plugin_name.partition(":")[0]
                try:
                    answer: object = implementation.function()
                    factories = list(answer) if isinstance(answer, Iterable) else [answer]
                except Exception as error:  # noqa: BLE001 - a hook of a plugin may raise anything
                    place = source_of(implementation.function)
                    yield f"{_PREFIX}{role} of {origin} ({place}) raised {_text_of(error)}"
                    continue
                for factory in factories:
                    yield from self._keep(role, factory, origin)

    def _keep(self, role: str, factory: object, origin: str) -> Iterator[str]:
        if not isinstance(factory, Factory):
            kind = type(factory).__name__
            yield f"{_PREFIX}{role} of {origin} offers a {kind}, and not a Factory"
            return
        problem = _wrong_factory(role, factory)
        if problem:
            yield f"{_PREFIX}{role} of {origin} offers {problem}"
            return
        key = (role, factory.type_name)
        if key in self._registrations:
            first = self._registrations[key].distribution
            yield f"two plugins offer {role}.{factory.type_name}: {first}, {origin}"
        self._registrations[key] = Registration(factory, origin)

    def _extensions(self, role: str) -> Iterator[EntryPoint]:
        for name in self.names(role):
            yield from self._available[name]


def _misfit(point: EntryPoint, loaded: object) -> str:
    """Why an object cannot be the plugin of this name; "" if it can."""
    if isinstance(loaded, Factory):
        name = f"{loaded.role}.{loaded.type_name}"
        if name == point.name:
            return ""
        fact = f"its entry point leads to {name} ({loaded.source})"
        return f'{fact}: call it "{name}", not "{point.name}"'
    if _has_hooks(loaded):
        return ""
    kind = type(loaded).__name__
    if not callable(loaded):
        return (
            f"its entry point {point.value} is of the type {kind}, and neither a Factory nor hooks"
        )
    role, _, type_name = point.name.partition(".")
    fact = f"its entry point {point.value} is a {kind} ({source_of(loaded)}) and not a plugin"
    return f'{fact}: decorate it, with @plugin("{role}", "{type_name}") say, from thurn.plugin'


def _wrong_factory(role: str, factory: Factory) -> str:
    """What is wrong with the answer of a registration hook; "" if it is right."""
    name = f"{factory.role}.{factory.type_name} ({factory.source})"
    if factory.role != role:
        return f"{name}, which is of another role"
    model: object = factory.settings
    opening: object = factory.open
    if not isinstance(model, type) or not issubclass(model, Settings):
        return f"{name}, whose settings are not a model derived from thurn.plugin.Settings"
    return "" if callable(opening) else f"{name}, whose `open` cannot be called"


def _has_hooks(loaded: object) -> bool:
    members = (inspect.getattr_static(loaded, name, None) for name in dir(loaded))
    return any(hasattr(member, f"{PROJECT}_impl") for member in members)


def _as_plugin(factory: Factory) -> SimpleNamespace:
    """An object with the one hook implementation that returns the factory."""

    def register() -> Iterable[Factory]:
        return (factory,)

    return SimpleNamespace(**{f"{_PREFIX}{factory.role}": hookimpl(register)})


def _origin(point: EntryPoint) -> str:
    distribution = getattr(point, "dist", None)
    return distribution.name if distribution is not None else point.value


def _needed(point: EntryPoint) -> list[str]:
    """The plugins that the distribution of an extension needs."""
    distribution = getattr(point, "dist", None)
    names = requirement_names(None if distribution is None else distribution.requires)
    return [name for name in names if name.startswith(f"{PROJECT}-") and name.count("-") > 1]


def _text_of(error: BaseException) -> str:
    return str(error) if isinstance(error, ImportOverran | PluginError) else repr(error)


def _ignore(_: str) -> None:
    """An `on_import` that does nothing."""
