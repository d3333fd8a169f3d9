"""The supervisor's log lines, in the form of `telemetry.log` without importing it.

Rules of this file: standard library only. One line an event: JSON, or readable on a terminal. Who
says something never fails because of it: the disk may be full, the reader gone.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime


def say(level: str, event: str, **facts: object) -> None:
    """Write one event to standard error. Findings and stacks are shown whole on a terminal."""
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if not sys.stderr.isatty():
        line = {**facts, "event": event, "level": level, "timestamp": now}
        _write(json.dumps(line, default=str))
        return
    text = " ".join(f"{key}={fact}" for key, fact in facts.items() if key != "findings")
    findings = facts.get("findings")
    below = [f"    {one}" for one in findings] if isinstance(findings, list) else []
    _write("\n".join([f"{now} [{level}] {event} {text}", *below]))


def _write(text: str) -> None:
    """In one write: the workers have the same standard error, perhaps unbuffered."""
    with suppress(OSError, ValueError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
