"""Single commands on a mailbox of 100 messages, over one connection: what each costs the server.

They are the commands of imaptest's mix, each alone, so that the mix's figure can be explained.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boxes
import procfs
from imapwire import ImapClient
from servers import Server

ACCOUNT = 91  # no other part uses it
MESSAGES = 100
MAILBOX = "Small"

NOOP, LIST, STATUS, SELECT = "NOOP", "LIST", "STATUS", "SELECT"
FETCH, FETCH_HEADER, FETCH_BODY = "FETCH of 10", "FETCH fields of 10", "FETCH body"
SEARCH, STORE, APPEND, EXPUNGE = "SEARCH", "STORE of 1", "APPEND", "STORE and EXPUNGE of 1"
WAYS = (
    NOOP,
    LIST,
    STATUS,
    SELECT,
    FETCH,
    FETCH_HEADER,
    FETCH_BODY,
    SEARCH,
    STORE,
    APPEND,
    EXPUNGE,
)


def _command(way: str, number: int) -> list[str]:
    """What is sent for the n-th time; `APPEND` is a client's own business."""
    turn, first = divmod(number, MESSAGES - 10)
    first, sign = first + 1, "+-"[turn % 2]  # each STORE changes something
    return {
        NOOP: ["NOOP"],
        LIST: ['LIST "" "*"'],
        STATUS: [f"STATUS {MAILBOX} (MESSAGES UNSEEN)"],
        SELECT: [f"SELECT {MAILBOX}"],
        FETCH: [f"FETCH {first}:{first + 9} (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"],
        FETCH_HEADER: [f"FETCH {first}:{first + 9} (BODY.PEEK[HEADER.FIELDS (From To Subject)])"],
        FETCH_BODY: [f"FETCH {first} (BODY.PEEK[])"],
        SEARCH: ["SEARCH UNSEEN"],
        STORE: [rf"STORE {first} {sign}FLAGS.SILENT (\Flagged)"],
        EXPUNGE: [r"STORE * +FLAGS (\Deleted)", "EXPUNGE"],
    }[way]


def _measured(server: Server, way: str, times: int, size_octets: int) -> dict[str, Any]:
    client = ImapClient(server.ports["imap"], ACCOUNT)
    client.ask(f"SELECT {MAILBOX}")
    client.ask(r"STORE 1:* -FLAGS.SILENT (\Flagged)")
    letter = boxes.letter(0, size_octets)
    pids = procfs.tree(server.roots)
    used, start = procfs.run_seconds(pids), time.perf_counter()
    for number in range(times):
        if way == APPEND:
            client.append(MAILBOX, [letter])
            continue
        for command in _command(way, number):
            client.ask(command)
    seconds = time.perf_counter() - start
    procfs.wait_until_idle(server.roots)
    used = procfs.run_seconds(pids) - used
    client.close()
    return {
        "kind": "small",
        "server": server.name,
        "way": way,
        "messages": MESSAGES,
        "per_s": round(times / seconds, 1),
        "server_cpu_us": round(used / times * 1e6, 1),
    }


def run(
    servers: list[Server],
    times: int,
    size_octets: int,
    rounds: int,
    record: Callable[[dict[str, Any]], None],
) -> None:
    """The rounds, alternately; the mailbox ends each round as it began."""
    for server in servers:
        client = ImapClient(server.ports["imap"], ACCOUNT)
        boxes.fill(client, MAILBOX, MESSAGES, size_octets)
        client.close()
    for round_ in range(rounds):
        for way in WAYS:
            for server in servers:
                record({"round": round_, **_measured(server, way, times, size_octets)})
    for server in servers:
        client = ImapClient(server.ports["imap"], ACCOUNT)
        if (have := client.messages(MAILBOX)) != MESSAGES:
            raise SystemExit(f"{server.name}: {have} messages are left instead of {MESSAGES}")
        client.close()
