"""The exceptions that end a run before its last line, and the record of a run-time error.

An exception whose class has `propagate = True` passes out of `evaluate` unchanged; any other
exception of an extension becomes a run-time error that keeps it as its cause.
"""

from __future__ import annotations

from dataclasses import dataclass


class Stop(Exception):
    """Ends the run like the command `stop`; this is not an error."""


class RunError(Exception):
    """A run-time error; `Runtime.error` raises it. RFC 5228 §2.10.6.

    Attributes:
        code: the kind of error, which never changes (`too-many-actions`).
    """

    def __init__(self, message: str, code: str = "run-time") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Fault:
    """An error or a warning of a run, in `Result.errors` or `Result.warnings`.

    Attributes:
        message: text for the script's owner.
        script: the name of the script.
        line: the line that was running, 0 if unknown.
        code: the kind of error or warning, which never changes.
        cause: the exception of an extension, unless it was a `RunError`.
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
