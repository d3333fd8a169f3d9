"""The demo as people run it: processes of its own, real ports, a directory that is kept."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
from pathlib import Path

HOST = "127.0.0.1"
THURN = [sys.executable, "-c", "from thurn.cli.main import main; main()"]
BASES = range(10_000, 31_500, 100)
"""Below the ports that the system gives to clients."""
PORTS = (24, 25, 110, 143, 465, 587, 993, 995)
PATIENCE_SECONDS = 100
"""How long anything is waited for: long enough for a slow and busy machine."""


def free_base():
    """A port base whose ports are free; parallel runs rarely choose the same."""
    for base in random.sample(BASES, len(BASES)):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for port in PORTS:
                one = stack.enter_context(socket.socket())
                one.bind((HOST, base + port))
            return base
    raise AssertionError("no free ports")


class Demo:
    """The demo in a process group of its own; `directory / "log"` has what it says."""

    def __init__(self, directory, base, *, accounts=4, overlay=None):
        self.directory = directory / "data"
        self._log = directory / "log"
        self.overlay = directory / "overlay.toml" if overlay else None
        if self.overlay:
            self.overlay.write_text(overlay)
        command = [
            *THURN,
            "demo",
            "--json",
            "--data",
            str(self.directory),
            "--port-base",
            str(base),
            "--accounts",
            str(accounts),
            "--workers",
            "2",
            *(["--config", str(self.overlay)] if self.overlay else []),
        ]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        line = self.process.stdout.readline()
        if not line:
            self.kill()
            raise AssertionError(self._log.read_text()[-3000:])
        self.ready = json.loads(line)
        self.ports = self.ready["ports"]
        self.certificate = Path(self.ready["certificate"])

    def command(self, *words):
        """What `thurn WORDS` prints, for this site, beside the running server."""
        configs = [self.directory / "thurn.toml", *filter(None, [self.overlay])]
        options = [word for path in configs for word in ("--config", str(path))]
        done = subprocess.run(
            [*THURN, *words, *options],
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def kill(self):
        """End it as a power cut does, and all its processes."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        """End it as an administrator does."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE_SECONDS)
        finally:
            self.process.stdout.close()
