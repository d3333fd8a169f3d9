"""The accept loop of one listener, and the life of each of its connections.

Rules of this file: one trio task per connection; whatever ends a connection ends no other; the
loop itself ends only when it is cancelled or drained, never because of an error of the kernel or
of a peer. Workers share the inherited sockets: whoever is awake first accepts, a few at a time.

The life of a connection, in order:
    limits, PROXY header (of listed proxies), implicit TLS, session, serve, farewell, close
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Any, Final, TypeAlias

import structlog
import trio

from thurn.contracts.listener import Listener, ListenerSettings
from thurn.contracts.tls import TlsProvider
from thurn.net.connection import Closing, ConnectionLost, EndReason, SocketConnection, TlsFailed
from thurn.net.limits import ConnectionLimits
from thurn.net.proxy import Proxies, ProxyFailed, read_proxy_header
from thurn.net.shares import WorkerCounts
from thurn.types.session import PeerAddress, Session

LOOK_SECONDS: Final = 1.0  # between two looks at the deadlines of all connections
ACCEPTS_PER_TURN: Final = 4  # then the connections (and the other workers) have their turn
PAUSE_SECONDS: Final = 0.1  # after the kernel refused to accept; doubled up to
PAUSE_MAXIMUM_SECONDS: Final = 1.0
COMPLAINT_SECONDS: Final = 10.0  # between two log lines about refusing or pausing
_NO_DESCRIPTOR: Final = (errno.EMFILE, errno.ENFILE)
# What accept reports of the connection, not of the listening socket (accept(2), "Error handling").
_PEER_FAILED: Final = frozenset(
    {
        errno.ECONNABORTED,
        errno.EPROTO,
        errno.ENETDOWN,
        errno.ENOPROTOOPT,
        errno.EHOSTDOWN,
        errno.ENONET,
        errno.EHOSTUNREACH,
        errno.EOPNOTSUPP,
        errno.ENETUNREACH,
        errno.EPERM,
    }
)

_Peer: TypeAlias = tuple[PeerAddress, int] | None
MakeSession: TypeAlias = Callable[[SocketConnection], Session]

_log: Any = structlog.get_logger()


async def serve(  # noqa: PLR0913 - the last two are the nursery's
    sockets: Sequence[socket.socket],
    settings: ListenerSettings,
    listener: Listener,
    make_session: MakeSession,
    *,
    tls: TlsProvider | None = None,
    name: str = "",
    counts: WorkerCounts | None = None,
    draining: trio.Event | None = None,
    open_connections: set[SocketConnection] | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve one listener instance on its sockets until drained: `draining` is set, and the last
    connection that was open then has ended. The sockets stay open; they are the caller's.

    Args:
        sockets: listening and non-blocking.
        settings: bounds and TLS mode.
        listener: speaks the protocol.
        make_session: called in the connection's own task, once TLS is there if it is implicit.
        tls: the certificates; needed for implicit TLS.
        name: the listener's instance, for the log.
        counts: the connections of all workers; None: this is the only one.
        open_connections: those of several listeners, kept up to date here.
        draining: accept no more; `connection.closing` is true from then on.
        task_status: started when connections are accepted.

    Cancellation: each open connection gets `farewell("closing")` and is closed.
    """
    if tls is None and settings.tls_mode == "implicit":
        raise ValueError("implicit TLS needs certificates")
    draining = trio.Event() if draining is None else draining
    per_address = settings.connections_per_address
    limits = ConnectionLimits(settings.connections, per_address, name, counts)
    tls = None if settings.tls_mode == "none" else tls
    proxies = Proxies(settings.proxies)
    everywhere = set() if open_connections is None else open_connections
    server = _Server(
        name, settings, listener, make_session, tls, draining, limits, everywhere, proxies
    )
    async with trio.open_nursery() as watching:
        watching.start_soon(server.end_late)
        async with trio.open_nursery() as connections, trio.open_nursery() as loops:
            for one in sockets:
                loops.start_soon(server.accept_from, one, connections)
            task_status.started()
            await draining.wait()
            loops.cancel_scope.cancel()
        watching.cancel_scope.cancel()


@dataclass(slots=True, eq=False)
class _Server:
    """What the connections of one listener share."""

    name: str
    settings: ListenerSettings
    listener: Listener
    make_session: MakeSession
    tls: TlsProvider | None
    closing: Closing
    limits: ConnectionLimits
    everywhere: set[SocketConnection]
    proxies: Proxies
    quiet_until: float = -float("inf")
    open: set[SocketConnection] = field(default_factory=set)
    some: trio.Event = field(default_factory=trio.Event)

    async def end_late(self) -> None:
        """Cancel connections whose deadline has passed; without any, sleep."""
        while True:
            if not self.open:
                self.some = trio.Event()
                await self.some.wait()
            await trio.sleep(LOOK_SECONDS)
            now = trio.current_time()
            for connection in self.open:
                if connection.deadline <= now:
                    connection.scope.cancel()

    async def accept_from(self, listening: socket.socket, connections: trio.Nursery) -> None:
        """Accept until the socket listens no more."""
        local_port = _port_of(listening)
        pause_seconds = PAUSE_SECONDS
        with contextlib.closing(_Reserve()) as reserve:
            while True:
                try:
                    for _ in range(ACCEPTS_PER_TURN):
                        accepted, address = listening.accept()
                        self._admit(accepted, _peer_of(address), local_port, connections)
                    pause_seconds = PAUSE_SECONDS
                    await trio.lowlevel.checkpoint()
                except BlockingIOError:
                    await trio.lowlevel.wait_readable(listening)
                except OSError as error:
                    if error.errno in _PEER_FAILED:
                        continue
                    if error.errno == errno.EINVAL:  # `unbind`, in another process perhaps
                        return
                    self._complain("accept.paused", reason=str(error))
                    if error.errno in _NO_DESCRIPTOR and reserve.close():
                        self._turn_away(listening)
                        reserve.acquire()
                    await trio.sleep(pause_seconds)
                    pause_seconds = min(2 * pause_seconds, PAUSE_MAXIMUM_SECONDS)

    def _admit(
        self, accepted: socket.socket, peer: _Peer, local_port: int, connections: trio.Nursery
    ) -> None:
        address = peer[0] if peer else None
        # A proxy has the connections of all its peers; each is counted by its own address later.
        counted = None if self.proxies.has(address) else address
        if self.limits.admit(counted):
            connections.start_soon(self._converse, accepted, peer, local_port)
        else:
            self._complain_of_many(address)
            self._refuse(accepted)

    def _refuse(self, accepted: socket.socket) -> None:
        """Say that we are busy, and close, without waiting for anything."""
        with accepted, contextlib.suppress(OSError):
            accepted.setblocking(False)
            # Over TLS a word in the clear would only break the peer's handshake.
            if self.settings.tls_mode != "implicit":
                accepted.send(self._farewell("busy"))
            accepted.shutdown(socket.SHUT_WR)

    def _turn_away(self, listening: socket.socket) -> None:
        """With the one descriptor left, tell one peer that we are busy rather than nobody."""
        with contextlib.suppress(OSError):
            self._refuse(listening.accept()[0])

    async def _converse(self, accepted: socket.socket, peer: _Peer, local_port: int) -> None:
        connection = SocketConnection(
            accepted, peer, local_port, self.settings, self.closing, self.tls
        )
        if self.proxies.has(connection.peer):
            connection.counted = None
        self.open.add(connection)
        self.everywhere.add(connection)
        self.some.set()
        reason: EndReason | None = "idle"  # what it is when the scope is cancelled
        try:
            with connection.scope:
                reason = await self._speak(connection)
            self._say(connection, reason)
            await connection.close()
        finally:
            if connection.is_open:  # cancelled from outside: the time for draining is over
                self._say(connection, "closing")
                connection.close_nowait()
            self.open.discard(connection)
            self.everywhere.discard(connection)
            self.limits.release(connection.counted)

    async def _learn_peer(self, connection: SocketConnection) -> bool:
        """Read the PROXY header and count the connection as its real peer's. False: that peer has
        too many.

        Raises:
            ProxyFailed: there is no header, or none that names the peer.
        """
        connection.extend(self.settings.handshake)
        await read_proxy_header(connection)
        connection.extend(self.settings.idle)
        if not self.limits.admit(connection.peer):
            self._complain_of_many(connection.peer)
            return False
        self.limits.release(connection.counted)
        connection.counted = connection.peer
        return True

    async def _speak(self, connection: SocketConnection) -> EndReason | None:
        """The session, whose every failure ends here. The reason to tell the peer, if any."""
        try:
            if self.proxies.has(connection.peer) and not await self._learn_peer(connection):
                return "busy"
            if self.settings.tls_mode == "implicit" and connection.tls is None:
                await connection.start_tls()
            connection.session = session = self.make_session(connection)
            await self.listener.serve(connection, session)
        except BaseExceptionGroup as group:
            ours, others = group.split(Exception)
            reason = None if ours is None else _judge(ours, connection)
            if others is not None:  # cancellation
                raise others from None
            return reason
        except Exception as error:  # noqa: BLE001 - the supervision point of connections
            return _judge(error, connection)
        return None

    def _say(self, connection: SocketConnection, reason: EndReason | None) -> None:
        if reason is not None:
            connection.say(self._farewell(reason))

    def _farewell(self, reason: EndReason) -> bytes:
        try:
            return self.listener.farewell(reason)
        except Exception:  # noqa: BLE001 - a plugin's last words must not cost the loop
            _log.exception("farewell.failed")
            return b""

    def _complain_of_many(self, peer: PeerAddress | None) -> None:
        reached = self.limits.reached
        self._complain(
            "connection.refused",
            peer=str(peer or "local"),
            setting=f"listener.{self.name}.{reached}",
            limit=getattr(self.settings, reached),
            open=self.limits.open,
        )

    def _complain(self, event: str, **facts: object) -> None:
        """Log, but not once for each connection of a flood."""
        now = trio.current_time()
        if now >= self.quiet_until:
            self.quiet_until = now + COMPLAINT_SECONDS
            _log.warning(event, listener=self.name, **facts)


class _Reserve:
    """A descriptor kept for the moment when there are no others."""

    def __init__(self) -> None:
        self._fd = -1
        self.acquire()

    def acquire(self) -> None:
        with contextlib.suppress(OSError):
            self._fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> bool:
        """Whether there was one to give."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
        return fd >= 0


def _judge(error: Exception, connection: SocketConnection) -> EndReason | None:
    """Log what ended a session; None if that is how connections end."""
    facts = {
        "session": connection.session.id if connection.session else None,
        "peer": str(connection.peer),
        "reason": str(error),
    }
    if isinstance(error, TlsFailed):
        _log.info("tls.failed", **facts)
    elif isinstance(error, ProxyFailed):
        _log.warning("proxy.failed", **facts)
    elif _only_lost(error):
        _log.debug("connection.lost", **facts)
    else:
        _log.error("session.failed", **facts, exc_info=error)
        return "error"
    return None


def is_of_connection(error: Exception) -> bool:
    """Whether an error is the connection's or the peer's, and nobody's mistake here."""
    return isinstance(error, TlsFailed | ProxyFailed) or _only_lost(error)


def _only_lost(error: Exception) -> bool:
    if isinstance(error, ExceptionGroup):
        return error.split(ConnectionLost)[1] is None
    return isinstance(error, ConnectionLost)


def _peer_of(address: Any) -> _Peer:  # noqa: ANN401 - its shape depends on the socket's family
    """The peer's address, IPv4 if it is one in IPv6's clothes; None for a unix socket."""
    if not isinstance(address, tuple):
        return None
    found = ip_address(address[0].partition("%")[0])
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found, address[1]


def _port_of(listening: socket.socket) -> int:
    name = listening.getsockname()
    return int(name[1]) if isinstance(name, tuple) else 0
