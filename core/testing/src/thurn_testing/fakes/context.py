"""A `Context` without a host: a directory of the test, a clock, and records of what was told.

    context = FakeContext(tmp_path, name="account.main")
    async with file.open(FileSettings(...), context) as accounts:
        ...
    assert context.diagnostics.events == ["account.file_broken"]

What a test has not given (state, directory, commit log, instances, names) raises when it is asked
for, so that a plugin's needs are seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from thurn.app.ledger import WorkerLedger
from thurn.contracts.account import Directory
from thurn.contracts.clock import Clock
from thurn.contracts.commitlog import CommitLog
from thurn.contracts.context import missing_attribute
from thurn.contracts.ledger import Ledger
from thurn.contracts.state import State
from thurn.types.content import Content
from thurn.types.envelope import Envelope
from thurn.types.errors import ConfigError, PluginError
from thurn.types.events import Event

from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.resolver import StaticResolver

P = TypeVar("P")
G = TypeVar("G")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a plugin has logged."""

    level: str
    event: str
    facts: Mapping[str, object]


class RecordingDiagnostics:
    """An operator's log that keeps its lines for the test."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []

    @property
    def events(self) -> list[str]:
        """The events of warnings and errors, in order."""
        return [line.event for line in self.lines if line.level in ("warning", "error")]

    def debug(self, event: str, /, **facts: object) -> None:
        """Keep the line."""
        self.lines.append(LogLine("debug", event, facts))

    def info(self, event: str, /, **facts: object) -> None:
        """Keep the line."""
        self.lines.append(LogLine("info", event, facts))

    def warning(self, event: str, /, **facts: object) -> None:
        """Keep the line."""
        self.lines.append(LogLine("warning", event, facts))

    def error(self, event: str, /, **facts: object) -> None:
        """Keep the line."""
        self.lines.append(LogLine("error", event, facts))


class RecordingEvents:
    """Events that keep what was emitted, in order."""

    def __init__(self) -> None:
        self.told: list[Event] = []

    def emit(self, event: Event) -> None:
        """Keep the event."""
        self.told.append(event)


@dataclass(slots=True)
class Given:
    """What the test gives a context beyond the plain things; what is None raises when asked for.

    Attributes:
        ledger: None: one that never refuses.
        instances: what `require` finds, by (role, instance).
    """

    state: State | None = None
    directory: Directory | None = None
    commit_log: CommitLog | None = None
    ledger: Ledger | None = None
    instances: dict[tuple[str, str], Any] = field(default_factory=dict)


class FakeContext:
    """A `thurn.contracts.context.Context` for one plugin under test.

    Args:
        data: the instance's own directory; made at first use. Two contexts on the same directory
            are two workers.
        name: `<role>.<instance>`.
        clock: a `ManualClock` of its own if None.
        given: what else the test gives.
    """

    def __init__(
        self,
        data: Path,
        *,
        name: str = "test.main",
        hostname: str = "mx.example.org",
        clock: Clock | None = None,
        given: Given | None = None,
    ) -> None:
        self._data = data
        self._given = Given() if given is None else given
        self.name = name
        self.hostname = hostname
        self.serving = True
        self.clock: Clock = ManualClock() if clock is None else clock
        self.diagnostics = RecordingDiagnostics()
        self.events = RecordingEvents()
        self.resolver = StaticResolver()
        self.ledger: Ledger = roomy_ledger() if self._given.ledger is None else self._given.ledger
        self.submitted: list[tuple[Envelope, Content]] = []

    @property
    def data(self) -> Path:
        """The instance's directory."""
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._data

    @property
    def commit_log(self) -> CommitLog:
        """The commit log that the test gave."""
        return _needed(self._given.commit_log, "a commit log")

    @property
    def state(self) -> State:
        """The state that the test gave."""
        return _needed(self._given.state, "shared state")

    @property
    def directory(self) -> Directory:
        """The directory that the test gave."""
        return _needed(self._given.directory, "a directory")

    def require(self, contract: type[P], role: str, instance: str) -> P:
        """The instance that the test gave."""
        try:
            product: P = self._given.instances[role, instance]
        except KeyError:
            raise PluginError(f"the test has given no {role}.{instance}") from None
        return product

    def source(self, *key: str) -> str:
        """A place in a file that does not exist, one line for each depth of the key."""
        return f"test.toml:{1 + len(key)}"

    async def submit(self, envelope: Envelope, content: Content) -> None:
        """Keep the message for the test."""
        self.submitted.append((envelope, content))

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            raise AttributeError(missing_attribute("a plugin's context", name))


def roomy_ledger() -> WorkerLedger:
    """A ledger that never refuses."""
    return WorkerLedger(1 << 40, 0, lambda: 1 << 60)


def _needed(given: G | None, what: str) -> G:
    if given is None:
        raise ConfigError([f"the test has given no {what}"])
    return given
