"""The connection in memory behaves like the host's on a socket."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager

import pytest
import trio
from thurn.contracts.listener import ListenerSettings
from thurn.net.connection import ConnectionLost, SocketConnection
from thurn.types.session import Session
from thurn_testing.contracts.connection import check_connection
from thurn_testing.fakes.connection import converse, memory_connection

SETTINGS = ListenerSettings(bind=("unix:/nowhere",))


@asynccontextmanager
async def in_memory():
    yield memory_connection(None)


@asynccontextmanager
async def on_a_socket():
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    connection = SocketConnection(ours, None, 0, SETTINGS, trio.Event(), None)
    async with trio.SocketStream(trio.socket.from_stdlib_socket(theirs)) as peer:
        yield connection, peer
    connection.close_nowait()


@pytest.mark.parametrize("make", [in_memory, on_a_socket])
async def test_contract(make):
    await check_connection(make)


class Echo:
    protocol = "echo"

    async def serve(self, connection, session):
        connection.extend(10)
        while octets := await connection.receive():
            if octets == b"tls":
                await connection.start_tls()
                octets = connection.tls.version.encode()
            await connection.send(octets)

    def farewell(self, reason):
        return reason.encode()


def session():
    return Session("s1", "listener.echo", "echo", None)


async def test_a_silent_peer_is_bidden_farewell(autojump_clock):
    connection, peer = memory_connection()
    await converse(Echo(), connection, session())
    assert trio.current_time() == pytest.approx(10)
    assert await peer.receive_some() == b"idle"
    assert await peer.receive_some() == b""


async def test_tls_comes_about_when_both_want_it(nursery):
    connection, peer = memory_connection(has_certificate=True)
    nursery.start_soon(converse, Echo(), connection, session())
    await peer.send_all(b"tls")
    await peer.start_tls()
    assert await peer.receive_some() == b"TLSv1.3"
    assert connection.session.tls is connection.tls
    await peer.send_eof()


async def test_octets_in_the_clear_are_no_handshake(autojump_clock, nursery):
    connection, peer = memory_connection(has_certificate=True)
    nursery.start_soon(converse, Echo(), connection, session())
    await peer.send_all(b"tls")
    await trio.testing.wait_all_tasks_blocked()
    await peer.send_all(b"QUIT\r\n")
    assert await peer.receive_some() == b""
    assert peer.closed


async def test_a_reset_loses_what_is_under_way():
    connection, peer = memory_connection()
    await peer.send_all(b"half")
    peer.reset()
    with pytest.raises(ConnectionLost):
        await connection.receive()
    with pytest.raises(ConnectionLost):
        await connection.send(b"x")
