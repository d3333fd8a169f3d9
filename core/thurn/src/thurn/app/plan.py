"""What the configuration says about processes. The supervisor knows nothing else of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """How a site is run. An application may return a subclass with more.

    Attributes:
        hostname: the site's name in greetings.
        data: the data directory; only one instance can hold its `lock`.
        workers: how many processes serve; there is one more, the housekeeper.
        binds: what to listen on, in the form of `net.bind`.
        uid_name: the account that the workers become, if root has started the site.
        gid_name: its group; None: the account's own.
        allow_root: whether the site may run as root.
        drain_seconds: how long sessions may go on after a reload.
        worker_timeout_seconds: time without a heartbeat after which a worker counts as blocked.
        config_paths: the files of the configuration.
        stop_seconds: how long sessions may go on after a stop.
        places: `file:line` of the site's keys and of the binds, for findings.
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
        """A finding with its place, if that is known."""
        return f"{self.places[key]}: {text}" if key in self.places else text

    def to_message(self) -> dict[str, Any]:
        """The plan as a value that JSON can express."""
        facts = {one.name: getattr(self, one.name) for one in fields(ProcessPlan)}
        paths = [str(path) for path in self.config_paths]
        return {**facts, "data": str(self.data), "config_paths": paths}

    @staticmethod
    def from_message(message: Mapping[str, Any]) -> ProcessPlan:
        """The plan from a value that `to_message` has made."""
        facts = dict(message)
        facts["data"] = Path(facts["data"])
        facts["binds"] = tuple(facts["binds"])
        facts["config_paths"] = tuple(Path(path) for path in facts["config_paths"])
        return ProcessPlan(**facts)
