"""The operator's log: structlog, JSON off a terminal, readable on one.

An event is a lower-case `noun.verb`; fields are escaped and bounded here, in one place, so that
nothing a peer or plugin says can forge a line (reliability rule 23). A line is one write, for all
processes of a site have one standard error. A line that cannot be written (a full disk, a reader
that is gone) is lost, and costs nobody a login, a message or a worker.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final, TextIO

from thurn.telemetry.hidden import hidden

with hidden("rich"):
    # structlog loads it wherever it is installed, as beside the tools of a developer: 0.3 s of each
    # start, for tracebacks that are formatted as text here.
    import structlog

FIELD_CHARACTERS: Final = 2_000
"""Longest text of one field; a traceback fits, a message does not."""


def _bounded(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    for key, value in event.items():
        if isinstance(value, str) and key != "exception":
            event[key] = _clean(value)
    return event


def _clean(text: str) -> str:
    text = text if len(text) <= FIELD_CHARACTERS else text[:FIELD_CHARACTERS] + "…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


class _Lossy:
    """A stream as structlog writes to one; what it does not take is lost."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def configure(*, debug: bool = False) -> None:
    """Set up once per process; everything goes to standard error."""
    if sys.unraisablehook is sys.__unraisablehook__:  # else whoever embeds this has one
        sys.unraisablehook = tell_unraisable
    renderer: Any = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, pad_level=False)
    lossy: Any = _Lossy(sys.stderr)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _bounded,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(10 if debug else 20),
        logger_factory=structlog.WriteLoggerFactory(lossy),
        cache_logger_on_first_use=True,
    )


def tell_unraisable(found: Any) -> None:  # noqa: ANN401 - the type exists for checkers only
    """One line for what Python cannot raise, as of a name in a TLS hello that is no text."""
    logger().warning("python.unraisable", of=repr(found.object), exc_info=found.exc_value)


def logger(**facts: object) -> Any:  # noqa: ANN401 - structlog's bound loggers are lazily typed
    """A logger with these facts bound."""
    return structlog.get_logger(**facts)
