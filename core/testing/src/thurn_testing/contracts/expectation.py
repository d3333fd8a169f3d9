"""How a kit says what was promised: two functions, no test framework."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


def expect(condition: object, promise: str) -> None:
    """Raise AssertionError with the promise unless the condition is true."""
    if not condition:
        raise AssertionError(promise)


def expect_equal(found: object, expected: object, promise: str) -> None:
    """Raise AssertionError with the promise and both values unless they are equal."""
    if found != expected:
        raise AssertionError(f"{promise}: found {found!r}, expected {expected!r}")


@contextmanager
def refused(error: type[Exception], promise: str) -> Iterator[None]:
    """The block must raise this error."""
    try:
        yield
    except error:
        return
    raise AssertionError(f"{promise}: {error.__name__} was not raised")
