"""The conformance kit of connections (`thurn.contracts.connection`).

    async def test_contract():
        await check_connection(make)

`make` gives, as an async context manager, a connection and the peer's end of it as a trio stream;
the connection has no certificate and no TLS.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import trio
from thurn.contracts.connection import Connection

from thurn_testing.contracts.expectation import checking, expect, expect_equal

Ends: TypeAlias = tuple[Connection, trio.abc.HalfCloseableStream]
Make: TypeAlias = Callable[[], AbstractAsyncContextManager[Ends]]

LARGE = bytes(range(256)) * 8192
"""Two MiB: more than any buffer between the ends."""


async def check_connection(make: Make) -> None:
    """Everything that the contract promises holds for this connection.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    for check in (_order, _bounded, _half_closed, _large, _cancelled, _gone, _in_the_clear):
        with checking("connection", check):
            async with make() as (connection, peer):
                await check(connection, peer)


async def _order(connection: Connection, peer: trio.abc.HalfCloseableStream) -> None:
    await peer.send_all(b"one")
    expect_equal(await connection.receive(), b"one", "what was sent arrives")
    await connection.send(b"two")
    await connection.send_parts([b"three", b"", b"four"])
    expect_equal(await _read(peer, 12), b"twothreefour", "what is sent arrives in order")


async def _bounded(connection: Connection, peer: trio.abc.HalfCloseableStream) -> None:
    await peer.send_all(b"0123456789")
    expect_equal(await connection.receive(4), b"0123", "no more than was asked for")
    expect_equal(await connection.receive(), b"456789", "the rest stays")


async def _half_closed(connection: Connection, peer: trio.abc.HalfCloseableStream) -> None:
    await peer.send_all(b"last")
    await peer.send_eof()
    expect_equal(await connection.receive(), b"last", "what was sent before the end arrives")
    expect_equal(
        await connection.receive(), b"", "at the end of the stream `receive` returns no octets"
    )
    expect_equal(await connection.receive(), b"", "and again at each later call")
    await connection.send(b"answer")
    expect_equal(await _read(peer, 6), b"answer", "a peer that has ended its side is answered")


async def _large(connection: Connection, peer: trio.abc.HalfCloseableStream) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.send, LARGE)
        expect(await _read(peer, len(LARGE)) == LARGE, "a send hands over everything")


async def _cancelled(connection: Connection, peer: trio.abc.HalfCloseableStream) -> None:
    with trio.move_on_after(0) as scope:
        await connection.receive()
    expect(scope.cancelled_caught, "a receive waits for octets")
    await peer.send_all(b"later")
    expect_equal(await connection.receive(), b"later", "a cancelled receive has read nothing")


async def _gone(connection: Connection, peer: trio.abc.HalfCloseableStream) -> None:
    await peer.send_eof()
    await connection.close()
    try:
        await connection.receive()
    except OSError:
        return
    raise AssertionError("a closed connection is lost (ConnectionLost, an OSError)")


async def _in_the_clear(connection: Connection, _: trio.abc.HalfCloseableStream) -> None:
    expect(connection.tls is None, "there is no TLS until it is started")
    expect(not connection.can_start_tls, "without a certificate TLS cannot be started")
    connection.extend(60.0)
    await trio.lowlevel.checkpoint()


async def _read(peer: trio.abc.HalfCloseableStream, size_octets: int) -> bytes:
    received = bytearray()
    while len(received) < size_octets:
        part = await peer.receive_some()
        expect(part, "the connection stays open")
        received += part
    return bytes(received)
