"""One delivery run: deliver, wait for the end of the work, prove that every message is there.

The clock stops when the last message is visible; for servers that file before they reply that is
the last reply, provided that the first look afterwards finds everything. CPU is taken when the
background work has ended, before the look, so that the check is not in the figures.
"""

from __future__ import annotations

import json
import poplib
import smtplib
import ssl
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import procfs
from imapwire import ImapClient, insecure_context
from servers import DOMAIN, HOST, PASSWORD, Server

ACCOUNTS = 100
VISIBLE_WITHIN_SECONDS = 60.0


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
        port = server.ports["imap"]
        self.imap = {} if server.is_thurn else {a: ImapClient(port, a) for a in accounts}

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


def prove_sieve(check: Check) -> None:
    """The script runs: a message that it discards is taken and never seen."""
    with smtplib.LMTP(HOST, check.server.ports["lmtp"]) as lmtp:
        letter = "From: a@example.net\r\nSubject: lottery\r\n\r\nwin\r\n"
        lmtp.sendmail("a@example.net", [f"u1@{DOMAIN}"], letter)
    check.wait_all()


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
