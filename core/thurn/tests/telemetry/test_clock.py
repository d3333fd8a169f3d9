"""The system's clocks."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from thurn.telemetry.clock import SystemClock

SHIFTED = """
import time
from thurn.telemetry.clock import SystemClock
print(SystemClock().monotonic() - time.monotonic())
"""


def test_a_suspended_machine_does_not_stop_it():
    """CLOCK_MONOTONIC stands still then, and grants and bans would outlive their interval."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= SystemClock().monotonic() <= time.clock_gettime(time.CLOCK_BOOTTIME)
    assert SystemClock.monotonic.func is time.clock_gettime
    assert SystemClock.monotonic.args == (time.CLOCK_BOOTTIME,)


def test_it_is_ahead_of_the_other_after_a_suspension():
    """A time namespace in which the machine has slept for a day."""
    command = ["unshare", "--time", "--boottime", "86400", "--fork", sys.executable, "-c", SHIFTED]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no time namespaces here")
    if float(done.stdout) < 1:
        pytest.skip("time namespaces without effect here")
    assert float(done.stdout) == pytest.approx(86_400, abs=5)
