"""Memory of connections that wait: growth of PSS for each.

SMTP: greeted, EHLO. POP3: greeted, CAPA. IMAP: logged in as one of 100 accounts, INBOX selected,
IDLE. A port whose name ends with ``s`` is TLS from the start.
"""

from __future__ import annotations

import socket
import time
from typing import Any

import procfs
from imapwire import ImapClient, insecure_context
from servers import HOST, Server

ACCOUNTS = 100


def idle(server: Server, port_name: str, steps: tuple[int, ...]) -> dict[str, Any]:
    """One row: PSS at each step."""
    if port_name.startswith("imap"):
        for account in range(1, ACCOUNTS + 1):  # its files are open from now on
            ImapClient(server.ports["imap"], account).close()
    held: list[socket.socket] = []
    memory = {0: procfs.pss_kib(server.roots)}
    for step in steps:
        while len(held) < step:
            held.append(_waiting(server.ports[port_name], port_name, len(held)))
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


def _waiting(port: int, port_name: str, number: int) -> socket.socket:
    source = f"127.0.1.{number % 200 + 1}"
    context = insecure_context() if port_name.endswith("s") else None
    if port_name.startswith("imap"):
        client = ImapClient(port, number % ACCOUNTS + 1, context=context, source=source)
        client.ask("SELECT INBOX")
        client.send("IDLE")
        if not client.line().startswith(b"+"):
            raise SystemExit(f"port {port} does not let connection {number} idle")
        return client.socket
    hello = b"CAPA\r\n" if port_name.startswith("pop3") else b"EHLO bench.test\r\n"
    connection = socket.create_connection((HOST, port), timeout=30, source_address=(source, 0))
    if context:
        connection = context.wrap_socket(connection)
    for command in (b"", hello):
        if command:
            connection.sendall(command)
        if not connection.recv(4096):
            raise SystemExit(f"port {port} closed connection {number}")
    return connection
