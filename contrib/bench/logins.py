"""Login and logout, 20 at a time, over connections of their own.

Before the clock starts, all accounts log in. So a server that hashes passwords slowly and remembers
the verdicts is measured with the verdicts that each of its processes remembers.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import procfs
from servers import HERE, PASSWORD, Server

ACCOUNTS = 100
SESSIONS = 20
WARM_UP, PEER_WARM_UP = 4 * ACCOUNTS, SESSIONS  # a peer compares plain text


def build(program: Path) -> None:
    """Compile the load; without OpenSSL's headers it cannot do TLS."""
    command = ["cc", "-O2", "-pthread", str(HERE / "logins.c"), "-o", str(program)]
    tls = [*command, "-DWITH_TLS", "-lssl", "-lcrypto"]
    if subprocess.run(tls, check=False, capture_output=True).returncode:
        subprocess.run(command, check=True)


def _logins(program: Path, server: Server, port: str, count: int) -> dict[str, Any]:
    command = [program, "-p", server.ports[port], "-s", SESSIONS, "-n", count, "-u", ACCOUNTS]
    command += ["-w", PASSWORD, *(["-t"] if port.endswith("s") else [])]
    command += ["-3"] if port.startswith("pop3") else []
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{server.name} {port}: {done.stdout} {done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def run(
    program: Path,
    servers: list[Server],
    ports: list[str],
    counts: Callable[[Server], int],
    rounds: int,
    record: Callable[[dict[str, Any]], None],
) -> None:
    """The rounds, alternately."""
    for round_ in range(rounds):
        for port in ports:
            for server in servers:
                count = counts(server)
                _logins(program, server, port, WARM_UP if server.is_thurn else PEER_WARM_UP)
                used = procfs.cpu_seconds(server.roots, ())
                figures = _logins(program, server, port, count)
                procfs.wait_until_idle(server.roots)
                used = procfs.cpu_seconds(server.roots, ()) - used
                record(
                    {
                        "kind": "login",
                        "round": round_,
                        "server": server.name,
                        "port": port,
                        "sessions": SESSIONS,
                        "logins": count,
                        "per_s": round(count / figures["seconds"], 1),
                        "p50_ms": figures["p50_ms"],
                        "p99_ms": figures["p99_ms"],
                        "server_cpu_us": round(used / count * 1e6, 1),
                        "client_cpu_us": round(figures["client_cpu_s"] / count * 1e6, 1),
                    }
                )
