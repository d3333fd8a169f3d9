"""The instances of a configuration: one per `[<role>.<name>]`, checked by its plugin's model.

Rules of this file:
1. Nothing happens that is not named. What is opened are the `listener`, `service` and `store`
   sections, what `[site]` names, and what these name. Any other instance is not opened, which is a
   warning.
2. `enabled = false` takes an instance out of every list.
3. All findings are collected before any is reported, each with file, line and what to change.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from thurn.config.files import KeyPath, Source
from thurn.config.refs import references, references_in, without
from thurn.config.site import SiteSettings
from thurn.contracts.factory import Factory
from thurn.contracts.listener import ListenerSettings
from thurn.contracts.service import CarrierSettings
from thurn.contracts.settings import Duration, Settings
from thurn.hooks.registry import Registry
from thurn.types.errors import ConfigError

ROOT_ROLES: Final = ("listener", "service", "store")
"""Roles whose sections are opened though no other names them: what is served, and the stores, which
records of accounts may name."""
_HINT: Final = 'write {0} = "main" here and a section [{0}.main] with type = "{1}"'
S = TypeVar("S", bound=Settings)


class CommonSettings(Settings):
    """Keys that every instance may have. The host uses them; the plugin does not see them."""

    type: str = Field(description="The plugin: `<role>.<type>` is its entry point.")
    enabled: bool = Field(default=True, description="false takes the instance out of every list.")
    on_error: Literal["tempfail", "continue"] = Field(
        default="tempfail",
        description="What a failure of this rule means: answer 4xx, or go on without it.",
    )
    deadline: Duration | None = Field(
        default=None, description="How long one call may take; the stage's own time if not set."
    )


@dataclass(frozen=True, slots=True)
class Instance:
    """A checked section of the configuration.

    Attributes:
        common: the keys that every instance may have.
        settings: the plugin's own settings.
        source: `file:line` of the section.
    """

    role: str
    name: str
    common: CommonSettings
    settings: Settings
    factory: Factory
    source: str

    @property
    def full_name(self) -> str:
        """`<role>.<name>`."""
        return f"{self.role}.{self.name}"

    @property
    def needs(self) -> list[tuple[str, str]]:
        """(role, name) of the instances that its settings name."""
        return [(role, name) for _, role, name in references(self.settings)]


@dataclass(frozen=True, slots=True)
class SiteConfig:
    """A whole configuration, checked.

    Attributes:
        instances: the instances in the order of opening: what an instance needs comes before it.
    """

    site: SiteSettings
    instances: Mapping[tuple[str, str], Instance]
    source: Source
    warnings: tuple[str, ...] = field(default=())

    def of_role(self, role: str) -> list[Instance]:
        """The instances of a role, in the file's order."""
        return [instance for instance in self.instances.values() if instance.role == role]

    def examine(self) -> tuple[list[str], list[str]]:
        """Findings and warnings about the site as a whole and about the files that instances name,
        read with the rights of this process."""
        findings: list[str] = []
        warnings = [*self.warnings, *self._uncarried()]
        for (role, name), one in self.instances.items():
            directory = self.site.data / role / name
            place = f"{one.source}: {one.full_name}"
            findings += [f"{place}: {text}" for text in one.settings.findings(directory)]
            warnings += [f"{place}: {text}" for text in one.settings.warnings(directory)]
        return findings, warnings

    def _uncarried(self) -> Iterator[str]:
        """The warning for a queue whose mail no service carries on (ADR 0014)."""
        queue = self.site.queue
        services = [instance.settings for instance in self.of_role("service")]
        carried = {one.queue for one in services if isinstance(one, CarrierSettings)}
        if queue is not None and queue not in carried:
            where = self.source.where(("site", "queue"))
            text = "mail for elsewhere is kept there and does not go on"
            yield f'{where}: site.queue: no service carries "{queue}" on: {text}'


def load(source: Source, registry: Registry | None = None) -> SiteConfig:
    """Check a whole configuration.

    Raises:
        ConfigError: something is wrong; it has all findings.
    """
    return _Loader(source, Registry() if registry is None else registry).run()


class _Loader:
    """Checks a source and collects its findings."""

    def __init__(self, source: Source, registry: Registry) -> None:
        self._source = source
        self._registry = registry
        self._findings: list[str] = []
        self._disabled: set[tuple[str, str]] = set()
        self._broken: list[tuple[KeyPath, type[Settings], dict[str, Any]]] = []

    def run(self) -> SiteConfig:
        sections = dict(self._sections())
        wanted = {f"{path[0]}.{common.type}" for path, (common, _) in sections.items()}
        self._findings.extend(self._registry.load(wanted))
        instances = [
            i for path, section in sections.items() if (i := self._instance(path, *section))
        ]
        site = self._site()
        known = {(i.role, i.name): i for i in instances}
        named = self._named()
        if site is not None:
            self._check_references(("site",), references(site), named)
        for instance in instances:
            path = (instance.role, instance.name)
            self._check_references(path, references(instance.settings), named)
        for broken, model, values in self._broken:
            named_here = references_in(model, values)
            self._check_references(broken, named_here, named | self._disabled)
        self._check_binds(instances)
        if self._findings or site is None:
            raise ConfigError(self._findings)
        ordered = self._order(site, known)
        self._check_needs(site, [*ordered.values()])
        if self._findings:
            raise ConfigError(self._findings)
        unused = [f"{i.source}: {i.full_name}" for key, i in known.items() if key not in ordered]
        warnings = [f"{one}: defined, but nothing names it" for one in unused]
        return SiteConfig(site, ordered, self._source, tuple(warnings))

    def _add_finding(self, path: KeyPath, text: str) -> None:
        self._findings.append(f"{self._source.where(path)}: {'.'.join(path)}: {text}")

    def _named(self) -> set[tuple[str, str]]:
        """All sections that a reference may name, also broken ones, which are findings already."""
        groups = self._source.tables.items()
        named = {
            (role, name) for role, group in groups if isinstance(group, dict) for name in group
        }
        return named - self._disabled

    def _sections(self) -> Iterator[tuple[tuple[str, str], tuple[CommonSettings, dict[str, Any]]]]:
        for role, group in self._source.tables.items():
            if role == "site":
                continue
            if not isinstance(group, dict):
                self._add_finding((role,), "expected a table such as [listener.mx]")
                continue
            for name, section in group.items():
                if not isinstance(section, dict):
                    self._add_finding(
                        (role, name), f"expected a table: write it under [{role}.NAME]"
                    )
                    continue
                common = self._common((role, name), section)
                if common is None:
                    continue
                if not common.enabled:
                    self._disabled.add((role, name))
                    continue
                rest = {k: v for k, v in section.items() if k not in CommonSettings.model_fields}
                yield (role, name), (common, rest)

    def _common(self, path: KeyPath, section: dict[str, Any]) -> CommonSettings | None:
        given = {k: v for k, v in section.items() if k in CommonSettings.model_fields}
        if "type" not in given:
            choice = ", ".join(self._registry.names(path[0])) or "none is installed"
            self._add_finding(
                path, f"type is missing; installed: {choice.replace(path[0] + '.', '')}"
            )
            return None
        return self._validate(CommonSettings, given, path)

    def _instance(
        self, path: tuple[str, str], common: CommonSettings, rest: dict[str, Any]
    ) -> Instance | None:
        role, name = path
        factory = self._registry.get(role, common.type)
        if factory is None:
            self._unknown_type(path, common.type)
            return None
        settings = self._validate(factory.settings, rest, path)
        if settings is None:
            return None
        return Instance(role, name, common, settings, factory, self._source.where(path))

    def _unknown_type(self, path: tuple[str, str], type_name: str) -> None:
        role = path[0]
        names = [n.partition(".")[2] for n in self._registry.names(role)]
        if role not in (roles := self._registry.roles()):
            hint = self._registry.declarer(role) or _suggest(role, roles)
            self._add_finding((role,), f"unknown role{hint}")
            return
        if type_name in names:  # it could not be loaded, which is a finding already
            return
        hint = _suggest(type_name, names) or f"; pip install thurn-{role}-{type_name}?"
        self._add_finding((*path, "type"), f'no plugin "{role}.{type_name}" is installed{hint}')

    def _site(self) -> SiteSettings | None:
        section = self._source.tables.get("site")
        if not isinstance(section, dict):
            self._findings.append(f"{self._source.paths[0]}:1: the section [site] is missing")
            return None
        return self._validate(SiteSettings, section, ("site",))

    def _validate(self, model: type[S], values: dict[str, Any], path: KeyPath) -> S | None:
        try:
            settings = model.model_validate(values, context={"base": self._source.base(path)})
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_context=False):
                self._problem(model, path, problem)
            self._broken.append((path, model, values))
            return None
        return without(settings, self._disabled)

    def _problem(self, model: type[Settings], path: KeyPath, problem: ErrorDetails) -> None:
        loc, kind, text = problem["loc"], problem["type"], problem["msg"]
        where = (*path, *(str(part) for part in loc))
        if kind == "extra_forbidden":
            names = [*model.model_fields, *CommonSettings.model_fields]
            text = f"unknown key{_suggest(where[-1], names)}"
        elif kind == "missing":
            description = model.model_fields[where[-1]].description if len(loc) == 1 else ""
            text = f"is missing. {description or ''}".rstrip()
        elif kind == "tuple_type":
            text = f"write a list, such as {json.dumps([problem['input']], default=str)}"
        self._add_finding(where, text.removeprefix("Value error, "))

    def _check_references(
        self,
        path: KeyPath,
        referred: Iterable[tuple[KeyPath, str, str]],
        named: Collection[tuple[str, str]],
    ) -> None:
        seen: set[tuple[KeyPath, str]] = set()
        for key, role, name in referred:
            if (key, name) in seen:
                self._add_finding((*path, *key), f'names {role} "{name}" twice; leave one out')
                continue
            seen.add((key, name))
            if (role, name) not in named:
                choice = [n for r, n in named if r == role]
                hint = _suggest(name, choice) or f"; write a section [{role}.{name}]"
                text = f'{".".join(path)} names {role} "{name}", which does not exist{hint}'
                self._add_finding((*path, *key), text)

    def _check_needs(self, site: SiteSettings, instances: Sequence[Instance]) -> None:
        """Find instances that need shared state or a resolver, if `[site]` names none."""
        stateful = [one.full_name for one in instances if one.settings.needs_state]
        asking = [one.full_name for one in instances if one.settings.needs_resolver]
        if stateful and site.state is None:
            hint = _HINT.format("state", "sqlite")
            self._add_finding(("site",), f"{', '.join(stateful)}: shared state is needed; {hint}")
        if asking and site.resolver is None:
            hint = _HINT.format("resolver", "dns")
            self._add_finding(("site",), f"{', '.join(asking)}: a resolver is needed; {hint}")

    def _check_binds(self, instances: Iterable[Instance]) -> None:
        """Find listeners that bind the same address. Port 0 is a different free port each time."""
        binders: dict[str, str] = {}
        for instance in instances:
            if not isinstance(instance.settings, ListenerSettings):
                continue
            for spec in dict.fromkeys(instance.settings.bind):
                path = (instance.role, instance.name, "bind")
                other = binders.setdefault(spec, instance.full_name)
                if other != instance.full_name and not spec.endswith(":0"):
                    self._add_finding(path, f"{other} also binds {spec}")
                elif instance.settings.bind.count(spec) > 1:
                    self._add_finding(path, f"names {spec} twice")

    def _order(
        self, site: SiteSettings, known: Mapping[tuple[str, str], Instance]
    ) -> dict[tuple[str, str], Instance]:
        """The instances that the roots need, each after those that it needs.

        Raises:
            ConfigError: instances name each other in a ring.
        """
        ordered: dict[tuple[str, str], Instance] = {}
        roots = [(role, name) for _, role, name in references(site)]
        roots += [key for role in ROOT_ROLES for key in known if key[0] == role]
        under_way: list[tuple[str, str]] = []
        stack: list[tuple[tuple[str, str], bool]] = [(key, False) for key in reversed(roots)]
        while stack:
            key, done = stack.pop()
            if done:
                under_way.remove(key)
                ordered[key] = known[key]
            elif key in under_way:
                ring = " > ".join(".".join(part) for part in [*under_way, key])
                raise ConfigError([f"{known[key].source}: instances name each other: {ring}"])
            elif key not in ordered:
                under_way.append(key)
                stack.append((key, True))
                stack.extend((need, False) for need in reversed(known[key].needs))
        return ordered


def _suggest(word: str, choice: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(choice), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""
