"""A served listener on loopback, and certificates."""

from __future__ import annotations

import contextlib
import itertools
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial

import pytest
import structlog.testing
import trio
import trustme
from thurn.contracts.listener import ListenerSettings
from thurn.net.bind import bind
from thurn.net.connection import SocketConnection
from thurn.net.listen import serve
from thurn.types.session import Session

NUMBERS = itertools.count(1)


class Certificates:
    """A TlsProvider with one certificate for "mail.example"."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        self.authority.issue_cert("mail.example").configure_cert(self.context)

    def server_context(self) -> ssl.SSLContext:
        return self.context

    def client_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.authority.configure_trust(context)
        return context

    def client(self, stream: trio.SocketStream) -> trio.SSLStream[trio.SocketStream]:
        return trio.SSLStream(stream, self.client_context(), server_hostname="mail.example")


class Echo:
    """Greets, sends back what comes, knows a few commands; a listener with all its moods."""

    def __init__(self) -> None:
        self.connections: list[SocketConnection] = []
        self.greeting = b"hello\n"

    async def serve(self, connection: SocketConnection, session: Session) -> None:
        self.connections.append(connection)
        await connection.send(self.greeting)
        while octets := await connection.receive():
            connection.extend(60)
            if octets.startswith(b"bye\n"):
                return
            if octets == b"raise\n":
                raise ValueError("a bug of the listener")
            if octets == b"group\n":
                raise ExceptionGroup("a nursery of the listener", [ValueError("inside")])
            if octets.startswith(b"tls\n"):
                await connection.send(b"go\n")
                await connection.start_tls()
                octets = b"secure\n"
            await connection.send(octets)
        await connection.send(b"end\n")

    def farewell(self, reason: str) -> bytes:
        return f"farewell {reason}\n".encode()


@dataclass
class Served:
    draining: trio.Event
    listener: Echo
    port: int = 0
    nursery: trio.Nursery | None = None
    streams: list[trio.SocketStream] = field(default_factory=list)

    async def connect(self, path: str = "") -> trio.SocketStream:
        if path:
            stream = await trio.open_unix_socket(path)
        else:
            stream = await trio.open_tcp_stream("127.0.0.1", self.port)
        self.streams.append(stream)
        return stream

    async def greeted(self) -> trio.SocketStream:
        stream = await self.connect()
        assert await stream.receive_some() == b"hello\n"
        return stream


@contextlib.asynccontextmanager
async def _serving(
    tls=None, spec="127.0.0.1:0", listener=None, **settings
) -> AsyncIterator[Served]:
    """A listener being served; ended by cancellation."""
    listener = listener or Echo()
    draining = trio.Event()
    sockets = bind(spec)
    named = None if tls is None else "main"
    checked = ListenerSettings(bind=(spec,), tls=named, **settings)

    def make_session(connection: SocketConnection) -> Session:
        return Session(
            id=f"s{next(NUMBERS)}",
            listener="echo",
            protocol="echo",
            peer=connection.peer,
            peer_port=connection.peer_port,
            tls=connection.tls,
        )

    served = Served(draining, listener)
    try:
        async with trio.open_nursery() as served.nursery:
            run = partial(serve, sockets, checked, listener, make_session, name="echo")
            await served.nursery.start(partial(run, tls=tls, draining=draining))
            name = sockets[0].getsockname()
            served.port = name[1] if isinstance(name, tuple) else 0
            try:
                yield served
            finally:
                served.nursery.cancel_scope.cancel()
    finally:
        for one in (*sockets, *(stream.socket for stream in served.streams)):
            one.close()


async def _everything(stream) -> bytes:
    """All that the other side sends, until it ends."""
    return b"".join([octets async for octets in stream])


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    return Certificates()


@pytest.fixture
def serving():
    return _serving


@pytest.fixture
def everything():
    return _everything


@pytest.fixture
def logged():
    """What was logged, as dicts."""
    with structlog.testing.capture_logs() as events:
        yield events
