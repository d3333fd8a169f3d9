"""A client that speaks before the greeting is refused, on a real connection. RFC 5321 §3.1, §4.3.1.

Nothing of the server runs between the two steps of a peer here, so that its octets are in the
server's socket before the greeting goes out, without a race.
"""

from __future__ import annotations

import socket

import pytest
import trio
from mailsite import tables
from thurn.plugin import connection_policy
from thurn_testing.server import open_server


@pytest.fixture
async def server(tmp_path):
    with trio.fail_after(30):
        async with open_server(tables(tmp_path), tmp_path) as server:
            yield server


async def greeting(server, listener, *early):
    """The first line that the server sends to a peer that has sent these octets at once."""
    peer = socket.create_connection(("127.0.0.1", server.port(listener)), 20)
    for octets in early:
        peer.sendall(octets)
    peer.setblocking(False)
    async with trio.SocketStream(trio.socket.from_stdlib_socket(peer)) as stream:
        received = b""
        while b"\n" not in received:
            received += await stream.receive_some()
        return received.split(b"\r\n")[0]


@pytest.mark.parametrize("early", [[b"E"], [b"EHLO c\r\n"], [b"EHLO c\r\n", b"MAIL FROM:<>\r\n"]])
async def test_octets_that_are_there_before_the_greeting_refuse_it(server, early):
    for _ in range(20):
        assert await greeting(server, "mx", *early) == (
            b"554 mail.example.org You spoke before the greeting"
        )


async def test_octets_that_come_while_the_rules_are_asked_refuse_it_too(tmp_path):
    asked, may_answer = trio.Event(), trio.Event()

    @connection_policy("slow")
    async def slow(session):
        asked.set()
        await may_answer.wait()

    site = {**tables(tmp_path, mx={"policies": ["slow"]}), "policy": {"slow": {"type": "slow"}}}
    with trio.fail_after(30):
        async with (
            open_server(site, tmp_path, plugins=[slow]) as server,
            await trio.open_tcp_stream("127.0.0.1", server.port("mx")) as stream,
        ):
            await asked.wait()
            await stream.send_all(b"EHLO c\r\n")
            may_answer.set()
            assert (await stream.receive_some()).startswith(b"554 ")


async def test_who_waits_is_greeted(server):
    assert (await greeting(server, "mx")).startswith(b"220 ")


async def test_a_submission_client_may_be_early(server):
    assert (await greeting(server, "submission", b"EHLO c\r\n")).startswith(b"220 ")
