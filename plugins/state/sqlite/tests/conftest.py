"""Opens the product on the test's directory; opened several times, it is several workers."""

from __future__ import annotations

import pytest
from thurn.plugin import NoSettings
from thurn_state_sqlite.factory import sqlite
from thurn_testing.fakes.clock import ManualClock
from thurn_testing.fakes.context import FakeContext


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def worker(tmp_path, clock):
    def worker(directory=tmp_path / "state", clock=clock):
        return sqlite.open(NoSettings(), FakeContext(directory, name="state.main", clock=clock))

    return worker
