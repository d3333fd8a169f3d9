"""How a kit says which promise was broken, without a test framework."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import trio

REASON: Final = re.compile(r"[a-z0-9_-]{1,60}(?:\.[a-z0-9_-]{1,60}){0,9}")
"""The form of a reason: words of a journal, joined by dots."""
BLOCKED_SECONDS: Final = 5.0
"""Longest time in seconds that one call may block: no question takes that long, and everybody else
may be waiting."""
CHECK_SECONDS: Final = 45.0
"""Longest time in seconds of one check, or of one answer to a kit. Most take less than a second; a
product that hangs is named before the minute has passed that a test runner may grant."""


def expect(condition: object, promise: str) -> None:
    """Raise AssertionError with the promise unless the condition is true."""
    if not condition:
        raise AssertionError(promise)


def expect_equal(found: object, expected: object, promise: str) -> None:
    """Raise AssertionError with the promise and both values unless they are equal."""
    if found != expected:
        raise AssertionError(f"{promise}: found {found!r}, expected {expected!r}")


def expect_decision(decision: object) -> None:
    """Its reason is a dotted word for logs and tests; its reply text is one line of ASCII."""
    reason = getattr(decision, "reason", "")
    if reason:
        expect(REASON.fullmatch(reason), f'a reason is a dotted word ("list.blocked"): {reason!r}')
    text = getattr(decision, "text", "")
    told = text.isascii() and text.isprintable()
    expect(told, f"a reply text is one line of ASCII: {text!r}")


@contextmanager
def in_time(promise: str, seconds: float) -> Iterator[None]:
    """The block must end within this time."""
    with trio.move_on_after(seconds) as scope:
        yield
    if scope.cancelled_caught:
        raise AssertionError(f"{promise}: it took longer than {seconds:.0f} s")


@contextmanager
def checking(kit: str, check: Callable[..., object]) -> Iterator[None]:
    """The block runs a check of a kit: it must end in time, and what it raises names the check."""
    function = getattr(check, "func", check)
    promise = (function.__doc__ or name_of(check)).split("\n")[0]
    with naming(kit, check), in_time(promise, CHECK_SECONDS):
        yield


async def run_in_turn(kit: str, *checks: Callable[[], Awaitable[object]]) -> None:
    """Run checks of a kit one after the other, each in time and with its name."""
    for check in checks:
        with checking(kit, check):
            await check()


def name_of(check: Callable[..., object]) -> str:
    """What a check is called; a partial is called like its function."""
    function = getattr(check, "func", check)
    return str(getattr(function, "__name__", repr(function))).removeprefix("_")


@contextmanager
def naming(kit: str, check: Callable[..., object]) -> Iterator[None]:
    """The block runs a check of a kit: what it raises names the check."""
    note = f"in the {kit} kit's {name_of(check)}"
    try:
        yield
    except BaseExceptionGroup as group:
        error = _innermost(group)
        error.add_note(note)
        raise error from None
    except BaseException as error:
        error.add_note(note)
        raise


def _innermost(error: BaseException) -> BaseException:
    """The error itself, without the groups that nurseries of the product made around it alone."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


@contextmanager
def unblocked(promise: str) -> Iterator[None]:
    """The block asks a product: it must answer in time, and not hold up everybody else."""
    begun = time.monotonic()
    with in_time(promise, CHECK_SECONDS):
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
