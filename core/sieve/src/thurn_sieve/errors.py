"""How a run ends before its last line.

An exception class of an extension with `propagate = True` passes out of `evaluate` unchanged; any
other one becomes a run-time error, its cause kept.
"""

from __future__ import annotations

from dataclasses import dataclass


class Stop(Exception):
    """Ends the run like `stop`: no error."""


class RunError(Exception):
    """A run-time error; `Runtime.error` raises it. RFC 5228 §2.10.6.

    Attributes:
        code: stable (`too-many-actions`).
    """

    def __init__(self, message: str, code: str = "run-time") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Fault:
    """An error or a warning of a run, in `Result.errors` and `Result.warnings`.

    Attributes:
        message: for the script's owner.
        script: the script's name.
        line: where it ran, 0 if unknown.
        code: stable.
        cause: the exception, when an extension raised something else than it should.
    """

    message: str
    script: str = ""
    line: int = 0
    code: str = "run-time"
    cause: Exception | None = None

    def __str__(self) -> str:
        """`name: line 3: message`."""
        place = f"line {self.line}: " if self.line else ""
        return (f"{self.script}: " if self.script else "") + place + self.message
