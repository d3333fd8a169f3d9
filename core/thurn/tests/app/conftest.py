"""A site under a real supervisor, in processes of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PATIENCE_SECONDS = 100.0
"""How long anything is waited for: long enough for a slow and busy machine."""


def eventually(found: Callable[[], Any], what: str) -> Any:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if answer := found():
            return answer
        time.sleep(0.01)
    raise AssertionError(f"{what} did not happen")


class Peer:
    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_SECONDS)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self.stream = self.socket.makefile("rb")
        self.greeting = self.line()

    def line(self) -> str:
        return self.stream.readline().decode().rstrip("\n")

    def ask(self, line: str) -> str:
        self.socket.sendall(f"{line}\n".encode())
        return self.line()

    def ask_until(self, wanted: str, seconds: float = PATIENCE_SECONDS) -> str:
        """Ask until the answer is this: the word to drain takes its way to the worker."""
        until = time.monotonic() + seconds
        while (answer := self.ask("x")) != wanted and time.monotonic() < until:
            pass
        return answer

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


class Site:
    """Files of a site, and the supervisor that runs it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings: dict[str, Any] = {
            "data": str(root / "data"),
            "workers": 2,
            "binds": [f"unix:{root}/s"],
            "broken": None,
            "allow_root": True,
            "uid_name": None,
            "drain_seconds": 60,
            "stop_seconds": 5,
            "worker_timeout_seconds": 15,
            "journal": str(root / "journal"),
        }
        self.supervisor: subprocess.Popen[bytes] | None = None
        self.peers: list[Peer] = []
        self.log = root / "log"
        self.speak("one")
        self.configure()

    def configure(self, **changes: Any) -> None:
        self.settings.update(changes)
        (self.root / "config").write_text(json.dumps(self.settings))

    def speak(self, word: str) -> None:
        """Change the code."""
        (self.root / "spoken.py").write_text(f"WORD = {word!r}\n")

    def start(self) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([str(Path(__file__).parent), str(self.root)])
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "thurn.app.supervisor", "echo_app", self.root / "config"]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, env=environment, stderr=log, stdout=log)

    def run(self) -> Site:
        before = len(self.events("generation.ready")) if self.log.exists() else 0
        self.supervisor = self.start()
        self.wait("generation.ready", before + 1)
        return self

    def events(self, event: str | None = None) -> list[dict[str, Any]]:
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        records = [json.loads(line) for line in lines]
        return [one for one in records if event in (None, one["event"])]

    def wait(self, event: str, count: int = 1) -> dict[str, Any]:
        try:
            eventually(lambda: len(self.events(event)) >= count, event)
        except AssertionError:
            raise AssertionError(f"no {event} in:\n{self.log.read_text()}") from None
        return self.events(event)[-1]

    def peer(self) -> Peer:
        peer = Peer(self.root / "s")
        self.peers.append(peer)
        return peer

    def signal(self, number: int) -> None:
        assert self.supervisor is not None
        self.supervisor.send_signal(number)

    def ended(self) -> int:
        assert self.supervisor is not None
        return self.supervisor.wait(PATIENCE_SECONDS)

    def journal(self) -> list[list[str]]:
        path = self.root / "journal"
        return [line.split() for line in path.read_text().splitlines()] if path.exists() else []

    def close(self) -> None:
        for peer in self.peers:
            peer.close()
        if self.supervisor is not None and self.supervisor.poll() is None:
            self.supervisor.send_signal(signal.SIGKILL)
            self.supervisor.wait()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.fixture(name="eventually")
def eventually_fixture():
    return eventually


@pytest.fixture
def public_site() -> Iterator[Site]:
    """Where other accounts than ours can work."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "journal").touch()
        (root / "journal").chmod(0o666)
        site = Site(root)
        yield site
        site.close()
