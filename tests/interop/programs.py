"""Foreign programs: found or the test is skipped, run to their end, with or without a terminal.

With THURN_REQUIRE_INTEROP set a missing program is a failure.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import shutil
import struct
import subprocess
import termios
import threading
import time

import pytest

TIMEOUT_SECONDS = 30
SCREEN = struct.pack("HHHH", 50, 132, 0, 0)
"""Lines, columns."""


def program(name):
    path = shutil.which(name)
    if path is None:
        if os.environ.get("THURN_REQUIRE_INTEROP"):
            pytest.fail(f"{name} is not installed, and this run requires it")
        pytest.skip(f"{name} is not installed")
    return path


def surroundings(home, **more):
    return {**os.environ, "HOME": str(home), "LC_ALL": "C.UTF-8", "TERM": "xterm", **more}


def call(*command, cwd, stdin=b"", environment=None):
    """What it says on standard output; standard error too if it fails."""
    done = subprocess.run(
        command,
        cwd=cwd,
        input=stdin,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
        env=surroundings(cwd, **(environment or {})),
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")
    return done.stdout


def on_terminal(*command, cwd):
    """Run a program that wants a terminal; what it wrote there."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, SCREEN)
    written = []

    def read():
        with contextlib.suppress(OSError):  # the program's end of the terminal is closed
            while octets := os.read(master, 65_536):
                written.append(octets)

    reader = threading.Thread(target=read)
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=surroundings(cwd),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
    finally:
        os.close(slave)
    reader.start()
    try:
        code = process.wait(TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        code = "no end"
    finally:
        process.kill()
        process.wait()
        reader.join()
        os.close(master)
    screen = b"".join(written).decode(errors="replace")
    assert code == 0, f"{code}\n{screen[-4000:]}"
    return screen


def until(question, *, seconds=10):
    """The first true answer of a question that is asked again until the time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, "it did not happen in time"
        os.sched_yield()
    return answer
