"""What a tree of processes costs, from /proc: CPU seconds and proportional memory.

CPU counts reaped children with their parent, so that servers which fork for each connection do
not look cheap. Processes that only serve the check (Dovecot's imap) are left out by name.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Collection
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
CHECK_ONLY = {"imap", "imap-login"}
PROC = Path("/proc")
CPUCLOCK_SCHED = 2  # linux/posix-timers.h


def _stat(pid: int) -> tuple[str, list[str]]:
    name, _, rest = (PROC / str(pid) / "stat").read_text().partition("(")[2].rpartition(")")
    return name, rest.split()


def tree(roots: list[int]) -> list[int]:
    """The processes ``roots`` and all that descend from them."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(int(_stat(int(entry.name))[1][1]), []).append(int(entry.name))
    pids: list[int] = []
    todo = list(roots)
    while todo:
        pids.append(todo.pop())
        todo += children.get(pids[-1], [])
    return pids


def cpu_seconds(roots: list[int], without: Collection[str] = CHECK_ONLY) -> float:
    """CPU used so far by the trees, reaped children included, without processes of these names."""
    ticks = 0
    for pid in tree(roots):
        with contextlib.suppress(OSError):
            name, fields = _stat(pid)
            if name not in without:
                ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS_PER_SECOND


def run_seconds(pids: list[int]) -> float:
    """CPU used so far by these processes, to the microsecond: for short work; no reaped children.

    It reads each process's own CPU clock, whose number is made of the pid as clock_getcpuclockid(3)
    does it; threads that have ended are in it, which /proc/PID/task does not have.
    """
    total = 0.0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED)
    return total


def machine_busy_seconds() -> float:
    """CPU used so far by everything on the machine."""
    with (PROC / "stat").open() as source:
        user, nice, system, _idle, _iowait, irq, softirq, *_ = map(
            int, source.readline().split()[1:]
        )
    return (user + nice + system + irq + softirq) / TICKS_PER_SECOND


def pss_kib(roots: list[int]) -> int:
    """Proportional set size of the trees in KiB; kernel socket memory is not in it."""
    total = 0
    for pid in tree(roots):
        with contextlib.suppress(OSError):
            if match := re.search(
                r"^Pss:\s+(\d+)", (PROC / str(pid) / "smaps_rollup").read_text(), re.MULTILINE
            ):
                total += int(match[1])
    return total


def wait_until_idle(roots: list[int], limit_seconds: float = 15.0) -> float:
    """Wait for background work to end (under 5 % of a core for 0.4 s).

    Returns:
        The moment (monotonic) at which the quiet time began.
    """
    end = time.monotonic() + limit_seconds
    since, used = time.monotonic(), cpu_seconds(roots)
    while time.monotonic() < end:
        time.sleep(0.1)
        now, used_now = time.monotonic(), cpu_seconds(roots)
        if used_now - used > 0.02:
            since, used = now, used_now
        elif now - since > 0.4:
            return since
    return time.monotonic()


def spin_ms() -> float:
    """Milliseconds of a fixed loop: the speed of the CPU at this moment."""
    start = time.perf_counter()
    for _ in range(1_000_000):
        pass
    return (time.perf_counter() - start) * 1e3
