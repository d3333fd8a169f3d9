"""A site as an operator runs it: files, `thurn run` in a process group, signals, the log.

Rules of this file: waiting is for what the log says, never for a time; every wait is bounded.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from click.testing import CliRunner
from clients import HOST
from mailsite import tables
from thurn.cli.main import main
from thurn.telemetry.journal import latest

PATIENCE_SECONDS = 100.0
"""How long anything is waited for: long enough for a slow and busy machine."""
BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[2]


PORTS = range(20_000, 32_000)
"""Ports for servers of tests: below those that the kernel gives to clients, one of which may have
any other port again before its server has started."""


def free_port():
    for port in random.sample(PORTS, 100):
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind((HOST, port))
            return port
    raise AssertionError(f"no port is free in {PORTS}")


def toml(site):
    """Tables of tables as TOML: JSON's strings, numbers and lists are TOML's too."""
    lines = []
    for role, group in site.items():
        sections = {f"{role}.{name}": section for name, section in group.items()}
        if role == "site":
            sections = {role: group}
        for title, section in sections.items():
            lines += [f"[{title}]", *(f"{k} = {_value(v)}" for k, v in section.items()), ""]
    return "\n".join(lines)


def _value(value):
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if not isinstance(value, dict):
        return json.dumps(value)
    pairs = (f"{json.dumps(key)} = {_value(one)}" for key, one in value.items())
    return f"{{ {', '.join(pairs)} }}"


class SupervisedSite:
    """A site's directory, its configuration as it is, and the supervisor that serves it.

    Attributes:
        configs: the site's file and what is laid over it, in this order.
        plugins: where distributions are installed that the environment does not have.
        programs: the directory of the environment's programs.
    """

    def __init__(self, base, configs, programs=BIN):
        self.base = base
        self.configs = configs
        self.programs = programs
        self.plugins = base / "plugins"
        self.process = None
        self._lines = []
        self._arrived = threading.Condition()
        self._reader = None

    def configure(self):
        """Bring the configuration to its files; here it is in them already."""

    @property
    def config_words(self):
        return [word for path in self.configs for word in ("--config", str(path))]

    @property
    def data(self):
        return self.base / "data"

    @property
    def environment(self):
        path = f"{self.programs}{os.pathsep}{os.environ.get('PATH', '')}"
        return {**os.environ, "PATH": path, "PYTHONPATH": str(self.plugins)}

    def call(self, *words, given=""):
        """A command of `thurn` on this site, given its input; (exit code, output)."""
        done = subprocess.run(
            [str(self.programs / "thurn"), *map(str, words)],
            cwd=self.base,
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    @staticmethod
    def call_here(*words, given=""):
        """The same in this process, which is faster; it does not see the site's own plugins."""
        done = CliRunner().invoke(main, [*map(str, words)], input=given)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.exit_code, done.output

    def explain(self, identifier):
        code, text = self.call_here("explain", *self.config_words, identifier)
        assert code == 0, text
        return text

    def install(self, folder):
        """Install a distribution into `plugins`, without a network."""
        install = ("uv", "pip", "install", "-q", "--no-deps", "--offline", "--no-cache", "--target")
        done = subprocess.run(
            [str(BIN / install[0]), *install[1:], str(self.plugins), str(folder)],
            env={**self.environment, "HOME": str(self.base)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    # its life

    def start(self):
        before = self.count("generation.ready")
        self._launch()
        self.wait("generation.ready", before + 1)
        return self

    def start_in_vain(self):
        """The exit code of a start that fails."""
        self._launch()
        code = self.process.wait(PATIENCE_SECONDS)
        self._end()
        return code

    def _launch(self):
        self.configure()
        self.process = subprocess.Popen(
            [str(self.programs / "thurn"), "run", *self.config_words],
            cwd=self.base,
            env=self.environment,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self.process.stderr,), daemon=True)
        self._reader.start()

    def _read(self, stream):
        for line in stream:
            text = line.decode(errors="replace").rstrip("\n")
            with self._arrived:
                self._lines.append(json.loads(text) if text.startswith("{") else {"text": text})
                self._arrived.notify_all()
        with self._arrived:
            self._lines.append({"event": "log.ended"})
            self._arrived.notify_all()
        stream.close()

    def events(self, name):
        with self._arrived:
            return [line for line in self._lines if line.get("event") == name]

    def count(self, name):
        return len(self.events(name))

    def wait(self, name, count=1, seconds=PATIENCE_SECONDS):
        """Wait until the log has the event this many times; returns the newest."""
        with self._arrived:
            ended = self.count("log.ended")
            there = self._arrived.wait_for(
                lambda: self.count(name) >= count or self.count("log.ended") > ended, seconds
            )
            assert there, f"no {name} within {seconds} s in:\n{self.text()}"
            assert self.count(name) >= count, f"ended without {name}:\n{self.text()}"
        return self.events(name)[-1]

    def text(self):
        with self._arrived:
            return "\n".join(json.dumps(line) for line in self._lines)

    def reload(self):
        """Send SIGHUP and wait for the new generation."""
        self.configure()
        before = self.count("generation.ready")
        self.process.send_signal(signal.SIGHUP)
        self.wait("generation.ready", before + 1)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_SECONDS) == 0, self.text()
        self._end()

    def kill(self):
        """kill -9 of the whole group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._end()

    def _end(self):
        self._reader.join(PATIENCE_SECONDS)
        self.process = None

    def journal(self, count=1000):
        return latest(self.data / "journal", count)


class RunningSite(SupervisedSite):
    """A site of tables that a test may change.

    Attributes:
        tables: the configuration; `configure` writes it.
    """

    def __init__(self, base, **listeners):
        self.path = base / "thurn.toml"
        super().__init__(base, [self.path])
        self.plugins.mkdir(parents=True, exist_ok=True)
        self.tables = tables(base, **listeners)
        self.tables["site"] |= {"data": "data", "workers": 2, "allow_root": True, "drain": "100s"}
        for section in self.tables["listener"].values():
            section["bind"] = [f"{HOST}:{free_port()}"]

    def port(self, listener):
        return int(self.tables["listener"][listener]["bind"][0].rpartition(":")[2])

    def configure(self):
        self.path.write_text(toml(self.tables))


@contextlib.contextmanager
def running(base, prepare=None, **listeners):
    """A site that serves; `prepare` may change it before the start."""
    site = RunningSite(base, **listeners)
    if prepare is not None:
        prepare(site)
    try:
        yield site.start()
    finally:
        if site.process is not None:
            site.kill()


def eventually(ask, what, seconds=PATIENCE_SECONDS):
    """Ask again and again until the answer is true, and return it; for what no log line tells."""
    until = time.monotonic() + seconds
    pause = threading.Event()
    while time.monotonic() < until:
        answer = ask()
        if answer:
            return answer
        pause.wait(0.02)
    raise AssertionError(f"{what} did not happen")
