"""The supervisor's log lines, in the form of `telemetry.log` without importing it.

Rules of this file: standard library only. An event is one line: JSON, or text on a terminal.
Writing one never fails and never waits, although the disk may be full or the reader may have gone.
"""

from __future__ import annotations

import json
import sys

from thurn.telemetry.stream import standard_error, timestamp


def say(level: str, event: str, **facts: object) -> None:
    """Write one event to standard error. Findings and stacks are shown whole on a terminal."""
    now = timestamp()
    if not sys.stderr.isatty():
        line = {"timestamp": now, "level": level, "event": event, **facts}
        standard_error().write(json.dumps(line, default=str) + "\n")
        return
    text = " ".join(f"{key}={fact}" for key, fact in facts.items() if key != "findings")
    findings = facts.get("findings")
    below = [f"    {one}" for one in findings] if isinstance(findings, list) else []
    lines = [f"{now} [{level}] {event} {text}", *below, ""]
    standard_error().write("\n".join(lines))
