from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

from demo import Demo, free_base  # noqa: E402 - from the path above
from office import Office  # noqa: E402

ACCOUNTS = 40
"""More than the tests of this folder: each has an account of its own."""


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """One demo for all tests of this process."""
    running = Demo(tmp_path_factory.mktemp("demo"), free_base(), accounts=ACCOUNTS)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def unused_names():
    return (f"u{number}" for number in range(1, ACCOUNTS + 1))


@pytest.fixture
def office(demo, unused_names, tmp_path):
    """An account of the demo that no other test has, and a home for its programs."""
    with Office(demo, next(unused_names), tmp_path) as opened:
        yield opened
