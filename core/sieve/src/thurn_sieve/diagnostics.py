"""What is wrong with a script: all errors at once, each with its place and a stable code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning about a script.

    Attributes:
        message: text for people; the wording may change.
        line: the line, counted from 1.
        column: the column in characters, counted from 1.
        severity: `error` or `warning`.
        code: the kind of error, lower case with hyphens (`unknown-command`); it never changes.
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
    """The script has errors and cannot run.

    Attributes:
        diagnostics: errors and warnings in the order of the script; at least one is an error.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__("; ".join(map(str, diagnostics)))
        self.diagnostics = list(diagnostics)


class Place(Protocol):
    """Anything that has a place in the source: arguments, nodes, calls."""

    @property
    def line(self) -> int:
        """The line, counted from 1."""

    @property
    def column(self) -> int:
        """The column in characters, counted from 1."""


class Diagnostics:
    """Collects the errors and warnings of one compilation; `validate` callables get it as `diag`.

    Attributes:
        errors: number of errors reported so far, including those past the limit.
    """

    __slots__ = ("_diagnostics", "_limit", "errors")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._diagnostics: list[Diagnostic] = []
        self.errors = 0

    @property
    def full(self) -> bool:
        """Whether the limit of errors is reached; then compiling may stop."""
        return self.errors >= self._limit

    @property
    def sorted(self) -> list[Diagnostic]:
        """The errors and warnings in the order of the script."""
        return sorted(
            self._diagnostics, key=lambda diagnostic: (diagnostic.line, diagnostic.column)
        )

    def error(self, message: str, place: Place, code: str = "invalid") -> None:
        """Record an error; the script will not compile."""
        self.errors += 1
        if self.errors <= self._limit:
            self._diagnostics.append(Diagnostic(message, place.line, place.column, "error", code))

    def warn(self, message: str, place: Place, code: str = "doubtful") -> None:
        """Record a warning; the script compiles all the same."""
        if len(self._diagnostics) < 2 * self._limit:
            diagnostic = Diagnostic(message, place.line, place.column, "warning", code)
            self._diagnostics.append(diagnostic)
