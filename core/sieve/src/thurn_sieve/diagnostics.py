"""What is wrong with a script: all of it at once, each with a place and a stable code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One remark on a script.

    Attributes:
        message: for people; the wording may change.
        line: from 1.
        column: from 1, in characters.
        severity: `error` or `warning`.
        code: stable, lower case with hyphens (`unknown-command`).
    """

    message: str
    line: int
    column: int
    severity: Severity = "error"
    code: str = "error"

    def __str__(self) -> str:
        """`line 3, column 5: error: unknown command "foo"`."""
        return f"line {self.line}, column {self.column}: {self.severity}: {self.message}"


class CompileError(ValueError):
    """The script cannot run.

    Attributes:
        diagnostics: errors and warnings in the order of the script, at least one error.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("; ".join(map(str, diagnostics)))
        self.diagnostics = list(diagnostics)


class Place(Protocol):
    """Anything with a place in the source: arguments, nodes, calls."""

    @property
    def line(self) -> int:
        """From 1."""

    @property
    def column(self) -> int:
        """From 1."""


class Diagnostics:
    """A collector; `validate` callables get it as `diag`."""

    __slots__ = ("_found", "_limit", "errors")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._found: list[Diagnostic] = []
        self.errors = 0

    @property
    def full(self) -> bool:
        """Whether enough errors are collected to stop looking."""
        return self.errors >= self._limit

    @property
    def sorted(self) -> list[Diagnostic]:
        """All of them in the order of the script."""
        return sorted(self._found, key=lambda found: (found.line, found.column))

    def error(self, message: str, place: Place, code: str = "invalid") -> None:
        """Record an error: the script will not compile."""
        self.errors += 1
        if self.errors <= self._limit:
            self._found.append(Diagnostic(message, place.line, place.column, "error", code))

    def warn(self, message: str, place: Place, code: str = "doubtful") -> None:
        """Record a warning: the script compiles all the same."""
        if len(self._found) < 2 * self._limit:
            self._found.append(Diagnostic(message, place.line, place.column, "warning", code))
