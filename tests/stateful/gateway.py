"""A private thurn in a process group of its own: IMAP in the clear on loopback, N workers."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from argon2 import PasswordHasher
from rawimap import HOST

PASSWORD = "stateful"

CONFIGURATION = """\
[site]
hostname = "mail.example.org"
data = "data"
workers = {workers}
allow_root = true
state = "main"
accounts = ["main"]
store = "main"

[state.main]
type = "sqlite"

[account.main]
type = "file"
file = "accounts.toml"

[store.main]
type = "{store}"

[sasl.plain]
type = "plain"

[listener.imap]
type = "imap"
bind = ["{host}:{port}"]
plaintext_without_tls = true
sasl = ["plain"]
connections_per_address = 1000
"""


def accounts_file(base, names):
    """The accounts, all with the one password."""
    digest = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    lines = ['domains = ["example.org"]']
    for name in names:
        lines += [f"[accounts.{name}]", f'password = "{digest}"']
    path = base / "accounts.toml"
    path.write_text("\n".join(lines))
    path.chmod(0o600)


@contextlib.contextmanager
def gateway(base, names, workers=1, store="spool"):
    """The port of a server that is ready; ended with the block."""
    base.mkdir(parents=True, exist_ok=True)
    accounts_file(base, names)
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    path = base / "thurn.toml"
    path.write_text(CONFIGURATION.format(workers=workers, host=HOST, port=port, store=store))
    command = [sys.executable, "-c", "from thurn.cli.main import main; main()", "run"]
    with (base / "log").open("wb") as log:
        child = subprocess.Popen(
            [*command, "--config", str(path)], stdout=log, stderr=log, start_new_session=True
        )
    with served(child, port, base / "log"):
        yield port


@contextlib.contextmanager
def served(child, port, *logs):
    """A server from its first connection to its end; it leads a process group of its own.

    Raises:
        AssertionError: it does not listen, with the end of its logs.
    """
    try:
        _wait(port, child, logs)
        yield
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def _wait(port, child, logs):
    until = time.monotonic() + 30
    while time.monotonic() < until and child.poll() is None:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    texts = [path.read_text() for path in logs if path.exists()]
    raise AssertionError("it did not start:\n" + "\n".join(texts)[-3000:])


def worker_of(client_socket):
    """The process that serves this connection, where /proc tells; else None."""
    port = client_socket.getsockname()[1]
    server_port = client_socket.getpeername()[1]
    wanted = f"0100007F:{server_port:04X} 0100007F:{port:04X} "
    with contextlib.suppress(OSError), Path("/proc/net/tcp").open() as table:
        inodes = [line.split()[9] for line in table if wanted in line]
        return _owner(f"socket:[{inodes[0]}]") if inodes else None
    return None


def _owner(name):
    for place in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            for descriptor in place.iterdir():
                if str(descriptor.readlink()) == name:
                    return int(place.parent.name)
    return None
