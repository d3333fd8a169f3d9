"""One run: deliver messages, wait for the end of the work, prove that every message is there.

The clock stops when the last message is visible; for servers that file before they reply that is
the last reply, provided that the first look afterwards finds everything. CPU is taken when the
background work has ended, before the look, so that the check is not in the figures.
"""

from __future__ import annotations

import json
import poplib
import re
import socket
import ssl
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import procfs
from servers import DOMAIN, HOST, PASSWORD, Server

ACCOUNTS = 100
VISIBLE_WITHIN_SECONDS = 60.0


class Imap:
    """A logged-in connection that answers how many messages INBOX holds."""

    def __init__(self, port: int, account: int) -> None:
        self.lines = socket.create_connection((HOST, port), timeout=60).makefile("rwb")
        self.lines.readline()
        self._ask(f"LOGIN u{account} {PASSWORD}")

    def _ask(self, command: str) -> bytes:
        self.lines.write(f"a {command}\r\n".encode())
        self.lines.flush()
        answer = b""
        while not (line := self.lines.readline()).startswith(b"a "):
            if not line:
                raise SystemExit("the IMAP server closed the connection")
            answer += line
        if not line.startswith(b"a OK"):
            raise SystemExit(f"{command.split(maxsplit=1)[0]}: {line!r}")
        return answer

    def messages(self) -> int:
        found = re.search(rb"MESSAGES (\d+)", self._ask("STATUS INBOX (MESSAGES)"))
        return int(found[1]) if found else 0


def insecure_context() -> ssl.SSLContext:
    """TLS that takes the demo's self-signed certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def pop3_messages(port: int, account: int, context: ssl.SSLContext) -> int:
    """How many messages STAT reports, by a session of its own over implicit TLS."""
    session = poplib.POP3_SSL(HOST, port, timeout=60, context=context)
    session.user(f"u{account}")
    session.pass_(PASSWORD)
    count = session.stat()[0]
    session.quit()
    return count


class Check:
    """Looks into all INBOXes of a server; IMAP connections of peers stay open from run to run."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.context = insecure_context()
        accounts = range(1, ACCOUNTS + 1)
        self.imap = {} if server.is_thurn else {a: Imap(server.ports["imap"], a) for a in accounts}

    def messages(self, account: int) -> int:
        if self.imap:
            return self.imap[account].messages()
        return pop3_messages(self.server.ports["pop3s"], account, self.context)

    def wait_all(self) -> bool:
        """Wait until each account has exactly what was sent to it.

        Returns:
            Whether the first look found everything.
        """
        first = True
        end = time.monotonic() + VISIBLE_WITHIN_SECONDS
        for account in range(1, ACCOUNTS + 1):
            wanted = self.server.expected[account]
            while (have := self.messages(account)) != wanted:
                first = False
                if have > wanted or time.monotonic() > end:
                    raise SystemExit(f"{self.server.name} u{account}: {have} of {wanted}")
                time.sleep(0.02)
        return first


def blast(
    program: Path, corpus: Path, port: int, sessions: int, messages: int, *, lmtp: bool
) -> dict[str, Any]:
    """Send; the sender's own figures."""
    command = [program, "-p", port, "-s", sessions, "-n", messages, "-u", ACCOUNTS]
    command += ["-d", DOMAIN, "-D", corpus, "-P", *(["-L"] if lmtp else [])]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"blast: {done.stdout} {done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures


def deliver(
    program: Path, corpus: Path, check: Check, profile: str, sessions: int, messages: int
) -> dict[str, Any]:
    """One run against one server."""
    server = check.server
    spin = procfs.spin_ms()
    server.expected += Counter(i % ACCOUNTS + 1 for i in range(messages))
    cpu, busy, start = (
        procfs.cpu_seconds(server.roots),
        procfs.machine_busy_seconds(),
        time.monotonic(),
    )
    figures = blast(
        program, corpus, server.ports[profile], sessions, messages, lmtp=profile == "lmtp"
    )
    end = time.monotonic()
    queued = profile == "smtp" and not server.is_thurn
    if queued:
        check.wait_all()
        end = time.monotonic()
    quiet_at = procfs.wait_until_idle(server.roots)
    used = procfs.cpu_seconds(server.roots) - cpu
    other = procfs.machine_busy_seconds() - busy - used - figures["client_cpu_s"]
    at_once = check.wait_all()
    if not queued and not at_once:
        end = quiet_at = time.monotonic()
    return {
        "kind": "deliver",
        "server": server.name,
        "profile": profile,
        "sessions": sessions,
        "messages": messages,
        "delivered_per_s": round(messages / (end - start), 1),
        "settled_per_s": round(messages / (max(quiet_at, end) - start), 1),
        "accept_per_s": figures["accept_per_s"],
        "p50_ms": figures["p50_ms"],
        "p99_ms": figures["p99_ms"],
        "server_cpu_us": round(used / messages * 1e6, 1),
        "client_cpu_us": round(figures["client_cpu_s"] / messages * 1e6, 1),
        "other_cpu_s": round(other, 2),
        "spin_ms": round((spin + procfs.spin_ms()) / 2, 1),
        "all_visible_at_first_look": at_once,
    }


def idle(server: Server, port_name: str, steps: tuple[int, ...]) -> dict[str, Any]:
    """PSS growth a connection that was greeted, said EHLO or CAPA, and waits."""
    context = insecure_context() if port_name.endswith("s") else None
    hello = b"CAPA\r\n" if port_name.startswith("pop3") else b"EHLO bench.test\r\n"
    held: list[socket.socket] = []
    memory = {0: procfs.pss_kib(server.roots)}
    for step in steps:
        while len(held) < step:
            held.append(_greeted(server.ports[port_name], len(held), hello, context))
        time.sleep(1)
        memory[step] = procfs.pss_kib(server.roots)
    for connection in held:
        connection.close()
    time.sleep(1)
    last = steps[-1]
    return {
        "kind": "idle",
        "server": server.name,
        "port": port_name,
        "pss_kib": memory,
        "kib_per_connection": round((memory[last] - memory[0]) / last, 1),
        "kib_per_connection_second_half": round(
            (memory[last] - memory[steps[0]]) / (last - steps[0]), 1
        ),
    }


def _greeted(port: int, number: int, hello: bytes, context: ssl.SSLContext | None) -> socket.socket:
    source = (f"127.0.1.{number % 200 + 1}", 0)
    connection = socket.create_connection((HOST, port), timeout=30, source_address=source)
    if context:
        connection = context.wrap_socket(connection)
    for command in (b"", hello):
        if command:
            connection.sendall(command)
        if not connection.recv(4096):
            raise SystemExit(f"port {port} closed connection {number}")
    return connection
