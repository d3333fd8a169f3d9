"""Run by test_serve in its own process: a listener that runs out of descriptors."""

from __future__ import annotations

import os
import resource
import socket
import sys
import time
from pathlib import Path

import trio
from thurn.contracts.listener import ListenerSettings
from thurn.net.bind import bind
from thurn.net.listen import serve
from thurn.types.session import Session


class Greeter:
    async def serve(self, connection, session):
        await connection.send(b"hello\n")
        await connection.receive()

    def farewell(self, reason):
        return f"farewell {reason}\n".encode()


def make_session(connection):
    return Session("s", "l", "p", connection.peer)


def client(port: int) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", port))
    peer.settimeout(5)
    return peer


def highest_descriptor() -> int:
    return max(int(fd.name) for fd in Path("/proc/self/fd").iterdir())


async def main() -> None:
    [listening] = sockets = bind("127.0.0.1:0")
    port = listening.getsockname()[1]
    settings = ListenerSettings(bind=("127.0.0.1:0",))
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, sockets, settings, Greeter(), make_session)
        peers = [client(port) for _ in range(5)]
        await trio.sleep(0.05)
        used = highest_descriptor()
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 3, 4096))
        spare = []
        try:
            while True:
                spare.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass
        os.close(spare.pop())
        turned_away = client(port)  # takes the last descriptor
        before = time.process_time()
        told = await trio.to_thread.run_sync(turned_away.recv, 100)
        assert told == b"farewell busy\n", told
        await trio.sleep(0.3)
        assert time.process_time() - before < 0.1, "it turns in circles"
        for fd in spare:
            os.close(fd)
        waited = await trio.to_thread.run_sync(client, port)
        assert await trio.to_thread.run_sync(waited.recv, 100) == b"hello\n"
        assert await trio.to_thread.run_sync(peers[0].recv, 100) == b"hello\n"
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main)
    sys.exit(0)
