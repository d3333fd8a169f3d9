"""What the configuration says about processes; all that the supervisor ever knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """How a site is to be run. An application may return a subclass that carries more.

    Attributes:
        hostname: the name the site greets with.
        data: the data directory; its `lock` admits one instance.
        workers: processes that serve; there is one more, the housekeeper.
        binds: what to listen on, as `net.bind` reads it.
        uid_name: the account whose rights the workers have, when started by root.
        gid_name: the group; None: the account's own.
        allow_root: run as root all the same.
        drain_seconds: how long sessions may go on after a reload.
        worker_timeout_seconds: silence after which a worker counts as blocked.
        config_paths: the files the configuration came from.
        stop_seconds: how long sessions may go on after a stop.
        places: where in the configuration a key of the site or a bind stands, for findings.
    """

    hostname: str
    data: Path
    workers: int
    binds: tuple[str, ...]
    uid_name: str | None = None
    gid_name: str | None = None
    allow_root: bool = False
    drain_seconds: float = 600.0
    worker_timeout_seconds: float = 15.0
    config_paths: tuple[Path, ...] = ()
    stop_seconds: float = 10.0
    places: Mapping[str, str] = field(default_factory=dict, hash=False)

    def at(self, key: str, text: str) -> str:
        """A finding with its place, where that is known."""
        return f"{self.places[key]}: {text}" if key in self.places else text

    def to_message(self) -> dict[str, Any]:
        """As JSON can carry it."""
        found = {one.name: getattr(self, one.name) for one in fields(ProcessPlan)}
        paths = [str(path) for path in self.config_paths]
        return {**found, "data": str(self.data), "config_paths": paths}

    @staticmethod
    def from_message(message: Mapping[str, Any]) -> ProcessPlan:
        """The plan that `to_message` told."""
        facts = dict(message)
        facts["data"] = Path(facts["data"])
        facts["binds"] = tuple(facts["binds"])
        facts["config_paths"] = tuple(Path(path) for path in facts["config_paths"])
        return ProcessPlan(**facts)
