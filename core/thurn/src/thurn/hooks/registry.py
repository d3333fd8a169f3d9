"""Finds plugins by their entry points and asks them what they can build.

Rules: entry points are read once per process; only those that a configuration names are loaded;
an entry point is a `Factory`, or an object (module) with hook implementations. Two factories of
one (role, type) are an error that names both distributions (design D2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

import pluggy
from importlib_metadata import EntryPoint, entry_points

from thurn.contracts.factory import Factory
from thurn.hooks.markers import PROJECT, hookimpl
from thurn.hooks.specs import RoleSpecs
from thurn.types.errors import PluginError

GROUP: Final = "thurn"
COMMANDS: Final = "thurn.commands"
FAMILIES: Final = {"imap": "listener.imap", "sieve": "delivery.sieve"}
"""The heads of families that may not be installed."""


@cache
def installed(group: str = GROUP) -> tuple[EntryPoint, ...]:
    """All entry points of a group, read once per process (a scan of every distribution)."""
    return tuple(entry_points(group=group))


@dataclass(frozen=True, slots=True)
class Registration:
    """A factory and the distribution that it came from."""

    factory: Factory
    distribution: str


class Registry:
    """The factories of one configuration."""

    def __init__(self, available: Iterable[EntryPoint] | None = None) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(RoleSpecs)
        self._manager.hook.thurn_addhooks.call_historic(kwargs={"manager": self._manager})
        self._available: dict[str, list[EntryPoint]] = {}
        for point in installed() if available is None else available:
            self._available.setdefault(point.name, []).append(point)
        self._loaded: dict[str, str] = {}
        self._found: dict[tuple[str, str], Registration] = {}

    def names(self, role: str | None = None) -> list[str]:
        """Entry-point names that are installed, of one role or all."""
        return sorted(n for n in self._available if role is None or n.startswith(f"{role}."))

    def roles(self) -> list[str]:
        """Roles that have a hook: the host's, and those that loaded plugins have added."""
        prefix = f"{PROJECT}_register_"
        hooks = vars(self._manager.hook).items()
        known = [name for name, caller in hooks if name.startswith(prefix) and caller.has_spec()]
        return [name.removeprefix(prefix) for name in known]

    def declarer(self, role: str) -> str:
        """What to do about a role that is not there: which plugin declares it.

        For an error's text alone: it loads all that is installed. Empty if nobody knows.
        """
        for _ in self.load(self.names()):
            pass  # what cannot be loaded declares nothing
        caller = getattr(self._manager.hook, f"{PROJECT}_register_{role}", None)
        spec = None if caller is None else caller.spec
        if spec is None:
            head = FAMILIES.get(role, "")
            package = f"thurn-{head.replace('.', '-')}"
            return head and f"; {head} declares it: pip install {package}, and use it"
        home = getattr(spec.namespace, "__module__", None) or spec.namespace.__name__
        package = home.partition(".")[0]
        points = [point for points in self._available.values() for point in points]
        heads = sorted(p.name for p in points if p.value.startswith(package)) or [home]
        kind, _, type_name = heads[0].partition(".")
        return f'; {heads[0]} declares it: add a [{kind}.NAME] with type = "{type_name}"'

    def load(self, names: Iterable[str]) -> Iterator[str]:
        """Import the plugins of these `<role>.<type>` names; yields what went wrong, in words."""
        for name in sorted(set(names) - set(self._loaded)):
            points = self._available.get(name, [])
            if len(points) > 1:
                yield f"two distributions offer {name}: {_origin(points[0])}, {_origin(points[1])}"
            elif points:
                try:
                    self._register(points[0])
                except Exception as error:  # noqa: BLE001 - a plugin's import may raise anything
                    yield f"{name} ({_origin(points[0])}) cannot be loaded: {error!r}"
        yield from self._collect()

    def add(self, factory: Factory, distribution: str = "(given)") -> None:
        """Register a factory that is not installed: tests, rules beside a configuration."""
        self._manager.register(_as_plugin(factory), f"{distribution}:{factory.type_name}")
        problems = list(self._collect())
        if problems:
            raise PluginError("; ".join(problems))

    def get(self, role: str, type_name: str) -> Factory | None:
        """The factory of a role and type, if its plugin was loaded."""
        found = self._found.get((role, type_name))
        return None if found is None else found.factory

    def _register(self, point: EntryPoint) -> None:
        loaded = point.load()
        plugin = _as_plugin(loaded) if isinstance(loaded, Factory) else loaded
        self._manager.register(plugin, f"{_origin(point)}:{point.name}")
        self._loaded[point.name] = _origin(point)

    def _collect(self) -> Iterator[str]:
        try:
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            yield str(error).strip()
        self._found.clear()
        for role in self.roles():
            caller = getattr(self._manager.hook, f"{PROJECT}_register_{role}")
            for implementation in caller.get_hookimpls():
                origin = implementation.plugin_name.partition(":")[0]
                for factory in implementation.function():
                    yield from self._keep(role, factory, origin)

    def _keep(self, role: str, factory: Factory, origin: str) -> Iterator[str]:
        key = (role, factory.type_name)
        if key in self._found:
            first = self._found[key].distribution
            yield f"two plugins offer {role}.{factory.type_name}: {first}, {origin}"
        self._found[key] = Registration(factory, origin)


def _as_plugin(factory: Factory) -> Any:  # noqa: ANN401 - pluggy registers any object
    """An object with the one hook implementation that returns the factory."""

    def register() -> Iterable[Factory]:
        return (factory,)

    hook = f"{PROJECT}_register_{factory.role}"
    return SimpleNamespace(**{hook: hookimpl(register)})


def _origin(point: EntryPoint) -> str:
    distribution = getattr(point, "dist", None)
    return distribution.name if distribution is not None else point.value
