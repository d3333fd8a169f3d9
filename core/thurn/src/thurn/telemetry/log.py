"""The operator's log, on standard error: text on a terminal, lines of JSON otherwise.

An event is a lower-case `noun.verb`. Fields are escaped and cut in this one place, so that nothing
a peer or plugin says can forge a line. Each line is one write, because all processes of a site
share one standard error. If a line cannot be written (a full disk, a reader that is gone) it is
lost, and the login, the message or the worker that it is about goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Final, TextIO

from thurn.telemetry.hidden import hidden

with hidden("rich"):
    # structlog loads rich if it is installed, as it is beside a developer's tools. That would take
    # 0.3 s of each start, and tracebacks are formatted as text here anyway.
    import structlog

FIELD_CHARACTERS: Final = 2_000
"""Most characters of one field: enough for an error's text, too few for a whole message."""


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
    """A stream for structlog to write to; what cannot be written is lost."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def configure(*, debug: bool = False) -> None:
    """Set up the log of this process; everything goes to standard error."""
    if sys.unraisablehook is sys.__unraisablehook__:  # a program that embeds this may have its own
        sys.unraisablehook = log_unraisable
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


def log_unraisable(unraisable: Any) -> None:  # noqa: ANN401 - the type exists for checkers only
    """Log an error that Python cannot raise, such as that of a TLS hello whose name is not text."""
    logger().warning("python.unraisable", of=repr(unraisable.object), exc_info=unraisable.exc_value)


def logger(**facts: object) -> Any:  # noqa: ANN401 - structlog's bound loggers are lazily typed
    """A logger with these facts bound."""
    return structlog.get_logger(**facts)
