r"""A connection in memory: what a listener speaks through, and the peer's end of it.

    connection, peer = memory_connection()
    nursery.start_soon(converse, listener, connection, session)
    await peer.send_all(b"QUIT\r\n")
    assert await peer.receive_some() == b"221 Goodbye\r\n"

Rules: no sockets, no threads, so trio's `autojump_clock` moves the deadlines. Nothing is encrypted
under TLS: `peer.start_tls()` is the client's half of the handshake. Octets that are sent in the
clear after the server has begun its half are not a handshake, and the connection is lost, as with
a socket.
A kit (`thurn_testing.contracts.connection`) proves that it behaves like the host's connection.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Final

import trio
from thurn.contracts.listener import Listener
from thurn.net.connection import ConnectionLost
from thurn.net.listen import is_of_connection
from thurn.types.session import PeerAddress, Session, TlsState
from trio.lowlevel import ParkingLot

CAPACITY_OCTETS: Final = 262_144
"""Most octets under way in one direction before the sender waits, as with a socket's buffer."""
TLS: Final = TlsState("TLSv1.3", "TLS_AES_128_GCM_SHA256")
"""The encryption in force after a handshake, or from the beginning."""
IDLE_SECONDS: Final = 300.0
"""Silence that ends a connection before its listener has said `extend`, in seconds: the default of
`thurn.contracts.listener.ListenerSettings.idle`."""
TOTAL_SECONDS: Final = 86_400.0
"""Age that ends a connection, in seconds: the default of `ListenerSettings.total`."""


class _Pipe:
    """One direction."""

    __slots__ = ("broken", "ended", "moved", "octets")

    def __init__(self) -> None:
        self.octets = bytearray()
        self.ended = False
        self.broken = False
        self.moved = ParkingLot()

    async def put(self, octets: bytes) -> None:
        rest = memoryview(octets)
        while rest:
            if self.broken or self.ended:
                raise ConnectionLost("the other end is gone")
            room = CAPACITY_OCTETS - len(self.octets)
            if room > 0:
                self.octets += rest[:room]
                rest = rest[room:]
                self.moved.unpark_all()
            else:
                await self.moved.park()

    async def take(self, maximum_octets: int) -> bytes:
        while not self.octets and not self.ended and not self.broken:
            await self.moved.park()
        if self.broken:
            raise ConnectionLost("the other end is gone")
        taken = bytes(self.octets[:maximum_octets])
        del self.octets[:maximum_octets]
        self.moved.unpark_all()
        return taken

    def end(self, *, broken: bool = False) -> None:
        self.ended = True
        self.broken = self.broken or broken
        self.moved.unpark_all()


class MemoryConnection:
    """A `thurn.contracts.connection.Connection`; see `memory_connection`.

    Attributes:
        closing: whether the worker is draining; the test sets it.
        waits: whether the server waits for octets.
    """

    def __init__(self, peer: PeerAddress | None, *, has_certificate: bool, secured: bool) -> None:
        self.peer = peer
        self.peer_port = 0 if peer is None else 49_152
        self.local_port = 0 if peer is None else 25
        self.tls: TlsState | None = TLS if secured else None
        self.session: Session | None = None
        self.closing = False
        self.waits = False
        self.sends: list[int] = []
        """How many octets each send had."""
        self.inward, self.outward = _Pipe(), _Pipe()
        self.shaken = trio.Event()
        self._has_certificate = has_certificate
        self._scope: trio.CancelScope | None = None
        self._end = float("inf")

    @property
    def can_start_tls(self) -> bool:
        """Whether there is a certificate, and no TLS yet."""
        return self._has_certificate and self.tls is None

    def bound(self, scope: trio.CancelScope) -> None:
        """From now on the connection lives in this scope."""
        self._scope = scope
        self._end = trio.current_time() + TOTAL_SECONDS
        self.extend(IDLE_SECONDS)

    def extend(self, seconds: float) -> None:
        """Move the deadline to `seconds` from now."""
        if self._scope is not None:
            self._scope.deadline = min(trio.current_time() + seconds, self._end)

    async def receive(self, maximum_octets: int = 16_384) -> bytes:
        """What has arrived. Raises ConnectionLost. Cancellation: nothing has been read."""
        self.waits = True
        try:
            return await self.inward.take(maximum_octets)
        finally:
            self.waits = False

    async def send(self, data: bytes) -> None:
        """Hand over everything. Raises ConnectionLost."""
        self.sends.append(len(data))
        await self.outward.put(data)

    async def send_parts(self, parts: Sequence[bytes]) -> None:
        """Hand over everything. Raises ConnectionLost."""
        await self.send(b"".join(parts))

    async def start_tls(self) -> None:
        """Wait for the peer's half. Raises ConnectionLost: it sent something else."""
        if not self.can_start_tls:
            raise RuntimeError("start_tls without a certificate, or twice")
        while not self.shaken.is_set():
            if self.inward.octets or self.inward.ended:
                self.inward.end(broken=True)
                raise ConnectionLost("no TLS handshake")
            self.waits = True
            await self.inward.moved.park()
            self.waits = False
        self.tls = TLS
        if self.session is not None:
            self.session.tls = TLS

    async def close(self) -> None:
        """End both directions."""
        self.close_nowait()
        await trio.lowlevel.checkpoint()

    def say(self, octets: bytes) -> None:
        """Last words, whether there is room or not."""
        if not self.outward.ended:
            self.outward.octets += octets

    def close_nowait(self) -> None:
        """End both directions; what was sent can still be read."""
        self.outward.end()
        self.inward.end(broken=True)


class MemoryPeer(trio.abc.HalfCloseableStream):
    """The client's end."""

    def __init__(self, connection: MemoryConnection) -> None:
        self.connection = connection

    async def send_all(self, data: Any) -> None:  # noqa: ANN401 - trio's own signature
        """Send. Raises BrokenResourceError: the server has closed."""
        try:
            await self.connection.inward.put(bytes(data))
        except ConnectionLost as error:
            raise trio.BrokenResourceError from error
        await trio.lowlevel.checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        """Nothing to wait for."""
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What the server has sent; b"" when it has closed."""
        await trio.lowlevel.checkpoint()
        return await self.connection.outward.take(max_bytes or CAPACITY_OCTETS)

    def received(self) -> bytes:
        """What the server has sent by now, without waiting."""
        octets = bytes(self.connection.outward.octets)
        self.connection.outward.octets.clear()
        self.connection.outward.moved.unpark_all()
        return octets

    async def send_eof(self) -> None:
        """Say that nothing more comes."""
        self.connection.inward.end()
        await trio.lowlevel.checkpoint()

    async def start_tls(self) -> None:
        """The client's half of a handshake."""
        self.connection.shaken.set()
        self.connection.inward.moved.unpark_all()
        await trio.lowlevel.checkpoint()

    def reset(self) -> None:
        """Be gone at once; what is under way is lost."""
        self.connection.inward.octets.clear()
        self.connection.inward.end(broken=True)
        self.connection.outward.broken = True
        self.connection.outward.moved.unpark_all()

    async def aclose(self) -> None:
        """Close: what was sent arrives, what the server sends is lost."""
        self.connection.inward.end()
        self.connection.outward.broken = True
        self.connection.outward.moved.unpark_all()
        await trio.lowlevel.checkpoint()

    @property
    def closed(self) -> bool:
        """Whether the server has closed."""
        return self.connection.outward.ended

    @property
    def quiet(self) -> bool:
        """Whether the server has used up what was sent and waits, or has closed."""
        inward = self.connection.inward
        used_up = not inward.octets and not inward.ended
        return self.closed or (self.connection.waits and used_up)


def memory_connection(
    peer: str | None = "192.0.2.1", *, has_certificate: bool = False, secured: bool = False
) -> tuple[MemoryConnection, MemoryPeer]:
    """Both ends of a new connection.

    Args:
        peer: the client's address; None for a unix socket.
        has_certificate: STARTTLS is possible.
        secured: TLS is there already.
    """
    address = None if peer is None else ip_address(peer)
    connection = MemoryConnection(address, has_certificate=has_certificate, secured=secured)
    return connection, MemoryPeer(connection)


async def converse(listener: Listener, connection: MemoryConnection, session: Session) -> None:
    """Serve the connection as the host does: deadline, farewell, close.

    Raises:
        Exception: what the listener raises, except that the connection is lost. The peer has got
            the listener's farewell by then.
    """
    connection.session = session
    try:
        with trio.CancelScope() as scope:
            connection.bound(scope)
            await listener.serve(connection, session)
        if scope.cancelled_caught:
            connection.say(listener.farewell("idle"))
    except Exception as error:
        if not is_of_connection(error):
            connection.say(listener.farewell("error"))
            raise
    except trio.Cancelled:
        connection.say(listener.farewell("closing"))
        raise
    finally:
        connection.close_nowait()
