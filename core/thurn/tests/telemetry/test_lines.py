"""A line of the operator's log is one write: processes share standard error, often unbuffered."""

from __future__ import annotations

import errno
import io
import json
import sys

import pytest
import structlog
from thurn.app.say import say
from thurn.telemetry.log import configure, logger


class Writes(io.StringIO):
    def __init__(self):
        super().__init__()
        self.calls = []

    def write(self, text):
        self.calls.append(text)
        return len(text)


def test_the_supervisor_writes_once(monkeypatch):
    stderr = Writes()
    monkeypatch.setattr(sys, "stderr", stderr)
    say("info", "generation.ready", findings=["a\nb"])
    (line,) = stderr.calls
    assert line.endswith("}\n")
    assert json.loads(line)["findings"] == ["a\nb"]


def test_the_others_write_once(monkeypatch):
    stderr = Writes()
    monkeypatch.setattr(sys, "stderr", stderr)
    try:
        configure()
        logger(plugin="filter.x").error("plugin.failed", failure="forged\nline")
    finally:
        structlog.reset_defaults()
    (line,) = stderr.calls
    assert line.count("\n") == 1
    assert json.loads(line)["failure"] == "forged\\x0aline"


def test_what_cannot_be_raised_is_one_line(monkeypatch):
    """Python's own hook would show a traceback of several lines, unescaped."""
    stderr = Writes()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)

    class Broken:
        def __del__(self):
            raise ValueError("forged\nline")

        def __repr__(self):
            return "Broken\n"

    try:
        configure()
        Broken()
    finally:
        structlog.reset_defaults()
    (line,) = stderr.calls
    assert line.count("\n") == 1
    told = json.loads(line)
    assert told["event"] == "python.unraisable"
    assert "Broken" in told["of"]
    assert "ValueError: forged" in told["exception"]


class Full(io.StringIO):
    """Standard error on a full disk, or in a pipe that nobody reads any more."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error

    def flush(self):
        raise self.error


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), BrokenPipeError(), ValueError()])
def test_what_cannot_be_written_costs_nobody_anything(monkeypatch, error):
    monkeypatch.setattr(sys, "stderr", Full(error))
    say("error", "worker.ended")
    try:
        configure()
        logger(plugin="filter.x").error("plugin.failed")
        logger().error("session.failed", exc_info=RuntimeError())
    finally:
        structlog.reset_defaults()
