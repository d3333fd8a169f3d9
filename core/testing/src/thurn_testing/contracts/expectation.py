"""How a kit says what was promised: two functions, no test framework."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

REASON: Final = re.compile(r"[a-z0-9_-]{1,60}(?:\.[a-z0-9_-]{1,60}){0,9}")
BLOCKED_SECONDS: Final = 5.0
"""For one call: no question takes that long, and everybody else may be waiting."""


def expect(condition: object, promise: str) -> None:
    """Raise AssertionError with the promise unless the condition is true."""
    if not condition:
        raise AssertionError(promise)


def expect_equal(found: object, expected: object, promise: str) -> None:
    """Raise AssertionError with the promise and both values unless they are equal."""
    if found != expected:
        raise AssertionError(f"{promise}: found {found!r}, expected {expected!r}")


def expect_decision(decision: object) -> None:
    """Its reason is a dotted word for logs and tests; what a peer is told is one line of ASCII."""
    reason = getattr(decision, "reason", "")
    if reason:
        expect(REASON.fullmatch(reason), f'a reason is a dotted word ("list.blocked"): {reason!r}')
    text = getattr(decision, "text", "")
    told = text.isascii() and text.isprintable()
    expect(told, f"a peer is told one line of ASCII: {text!r}")


@contextmanager
def unblocked(promise: str) -> Iterator[None]:
    """The block must not hold up everybody else."""
    begun = time.monotonic()
    yield
    seconds = time.monotonic() - begun
    text = f"{promise}; be async, or use trio.to_thread.run_sync"
    expect(seconds < BLOCKED_SECONDS, f"{text}: one call took {seconds:.1f} s")


@contextmanager
def refused(error: type[Exception], promise: str) -> Iterator[None]:
    """The block must raise this error."""
    try:
        yield
    except error:
        return
    raise AssertionError(f"{promise}: {error.__name__} was not raised")
