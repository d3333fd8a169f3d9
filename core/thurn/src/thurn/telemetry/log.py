"""The operator's log: structlog, JSON off a terminal, readable on one.

An event is a lower-case `noun.verb`; all are in `docs/reference/events.md`. Fields are escaped and
bounded here, in one place, so that nothing a peer or plugin says can forge a line (reliability rule
23): a value is a JSON string, and the fields that the host knows (`timestamp`, `level`, `event`)
stand first. How lines are written is `thurn.telemetry.stream`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from thurn.telemetry.hidden import hidden
from thurn.telemetry.stream import standard_error, timestamp

with hidden("rich"):
    # structlog loads it wherever it is installed, as beside the tools of a developer: 0.3 s of each
    # start, for tracebacks that are formatted as text here.
    import structlog

FIELD_CHARACTERS: Final = 2_000
"""Longest text of one field; a traceback fits, a message does not."""


def _ordered(_logger: object, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    level = "error" if method == "exception" else method
    line = {"timestamp": timestamp(), "level": level, "event": event.pop("event")}
    for key, value in event.items():
        bounded = isinstance(value, str) and key != "exception"
        line[key] = _clean(value) if bounded else value
    return line


def _clean(text: str) -> str:
    text = text if len(text) <= FIELD_CHARACTERS else text[:FIELD_CHARACTERS] + "…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def configure(*, debug: bool = False) -> None:
    """Set up once per process; everything goes to standard error."""
    if sys.unraisablehook is sys.__unraisablehook__:  # else whoever embeds this has one
        sys.unraisablehook = tell_unraisable
    renderer: Any = structlog.processors.JSONRenderer()
    if sys.stderr.isatty():
        renderer = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0, pad_level=False)
    stream: Any = standard_error()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            _ordered,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(10 if debug else 20),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )


def tell_unraisable(found: Any) -> None:  # noqa: ANN401 - the type exists for checkers only
    """One line for what Python cannot raise, as of a name in a TLS hello that is no text."""
    logger().warning("python.unraisable", of=repr(found.object), exc_info=found.exc_value)


def logger(**facts: object) -> Any:  # noqa: ANN401 - structlog's bound loggers are lazily typed
    """A logger with these facts bound."""
    return structlog.get_logger(**facts)
