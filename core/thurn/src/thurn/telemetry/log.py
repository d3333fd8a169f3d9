"""The operator's log, on standard error: text on a terminal, lines of JSON otherwise.

An event is a lower-case `noun.verb`; all are in `docs/reference/events.md`. Fields are escaped and
bounded here, in one place, so that nothing a peer or plugin says can forge a line: a value is a
JSON string, and the fields that the host knows (`timestamp`, `level`, `event`) stand first. How
lines are written is `thurn.telemetry.stream`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from thurn.telemetry.hidden import hidden
from thurn.telemetry.stream import standard_error, timestamp

with hidden("rich"):
    # structlog loads rich if it is installed, as it is beside a developer's tools. That would take
    # 0.3 s of each start, and tracebacks are formatted as text here anyway.
    import structlog

FIELD_CHARACTERS: Final = 2_000
"""Most characters of one field: enough for an error's text, too few for a whole message."""


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
    """Set up the log of this process; everything goes to standard error."""
    if sys.unraisablehook is sys.__unraisablehook__:  # a program that embeds this may have its own
        sys.unraisablehook = log_unraisable
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


def log_unraisable(unraisable: Any) -> None:  # noqa: ANN401 - the type exists for checkers only
    """Log an error that Python cannot raise, such as that of a TLS hello whose name is not text."""
    logger().warning("python.unraisable", of=repr(unraisable.object), exc_info=unraisable.exc_value)


def logger(**facts: object) -> Any:  # noqa: ANN401 - structlog's bound loggers are lazily typed
    """A logger with these facts bound."""
    return structlog.get_logger(**facts)
