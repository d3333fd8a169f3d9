"""APPEND over one connection: one message at a time, and MULTIAPPEND by 200."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boxes
import procfs
from imapwire import ImapClient
from servers import Server

ACCOUNT = 90  # no other part uses it
SINGLE, MANY = "one by one", f"MULTIAPPEND by {boxes.BATCH_MESSAGES}"


def _appended(server: Server, way: str, count: int, size_octets: int) -> dict[str, Any] | None:
    client = ImapClient(server.ports["imap"], ACCOUNT)
    if way == MANY and "MULTIAPPEND" not in client.capabilities:
        client.close()
        return None
    mailbox = "Appended"
    client.ask(f"CREATE {mailbox}")
    groups = list(
        boxes.batches(0, count, size_octets, 1 if way == SINGLE else boxes.BATCH_MESSAGES)
    )
    pids = procfs.tree(server.roots)
    used, start = procfs.run_seconds(pids), time.perf_counter()
    for letters in groups:
        client.append(mailbox, letters)
    seconds = time.perf_counter() - start
    procfs.wait_until_idle(server.roots)
    used = procfs.run_seconds(pids) - used
    if (have := client.messages(mailbox)) != count:
        raise SystemExit(f"{server.name}: APPEND {way}: {have} instead of {count}")
    client.ask(f"DELETE {mailbox}")
    client.close()
    return {
        "kind": "append",
        "server": server.name,
        "way": way,
        "messages": count,
        "size_octets": size_octets,
        "per_s": round(count / seconds, 1),
        "server_cpu_us": round(used / count * 1e6, 1),
    }


def run(
    servers: list[Server],
    count: int,
    size_octets: int,
    rounds: int,
    record: Callable[[dict[str, Any]], None],
) -> None:
    """The rounds, alternately."""
    for round_ in range(rounds):
        for way in (SINGLE, MANY):
            for server in servers:
                if row := _appended(server, way, count, size_octets):
                    record({"round": round_, **row})
