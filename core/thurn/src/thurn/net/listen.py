"""The accept loop of one listener, and the life of each of its connections.

Rules of this file: there is one trio task per connection; what ends a connection ends no other; the
loop itself ends only when it is cancelled or drained, never because of an error of the kernel or of
a peer. Workers share the inherited sockets: whichever is free accepts, a few at a time.

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

LOOK_SECONDS: Final = 1.0
"""Seconds between two looks at the deadlines of all connections."""
ACCEPTS_PER_TURN: Final = 4
"""Most connections that are accepted in a row, before the open ones and other workers go on."""
PAUSE_SECONDS: Final = 0.1
"""Pause after the kernel could not accept; it is doubled each time, up to the next constant."""
PAUSE_MAXIMUM_SECONDS: Final = 1.0
"""Longest such pause: a peer notices it, but does not give up."""
COMPLAINT_SECONDS: Final = 10.0
"""Seconds between two log lines about refusals and pauses, so that a flood does not fill the
log."""
_NO_DESCRIPTOR: Final = (errno.EMFILE, errno.ENFILE)
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
"""Errors of accept that are about the connection and not the listening socket (accept(2), "Error
handling")."""

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
    """Serve one listener instance on its sockets until it has drained: `draining` is set, and all
    connections that were open then have ended. The sockets stay open; they are the caller's.

    Args:
        sockets: sockets that listen and do not block.
        settings: bounds and TLS mode.
        listener: what speaks the protocol.
        make_session: called in the connection's own task, after the handshake of implicit TLS.
        tls: the certificates; needed for implicit TLS.
        name: the listener's instance, for the log.
        counts: the connections of all workers; None: this is the only one.
        draining: when it is set, no connection is accepted any more, and `connection.closing` is
            true.
        open_connections: a set that the connections of several listeners are added to and removed
            from.
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
    opened: trio.Event = field(default_factory=trio.Event)

    async def end_late(self) -> None:
        """Cancel connections whose deadline has passed. Sleeps while no connection is open."""
        while True:
            if not self.open:
                self.opened = trio.Event()
                await self.opened.wait()
            await trio.sleep(LOOK_SECONDS)
            now = trio.current_time()
            for connection in self.open:
                if connection.deadline <= now:
                    connection.scope.cancel()

    async def accept_from(self, listening: socket.socket, connections: trio.Nursery) -> None:
        """Accept until the socket does not listen any more."""
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
                    if error.errno == errno.EINVAL:  # `unbind`, perhaps in another process
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
        # Behind a proxy each connection is counted by its peer's address, which is known later.
        counted = None if self.proxies.has(address) else address
        if self.limits.admit(counted):
            connections.start_soon(self._converse, accepted, peer, local_port)
        else:
            self._complain_of_many(address)
            self._refuse(accepted)

    def _refuse(self, accepted: socket.socket) -> None:
        """Answer that the server is busy, and close, without waiting for anything."""
        with accepted, contextlib.suppress(OSError):
            accepted.setblocking(False)
            # An answer in the clear would only confuse the peer in its TLS handshake.
            if self.settings.tls_mode != "implicit":
                accepted.send(self._farewell("busy"))
            accepted.shutdown(socket.SHUT_WR)

    def _turn_away(self, listening: socket.socket) -> None:
        """Use the last descriptor to answer one peer that the server is busy."""
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
        self.opened.set()
        reason: EndReason | None = "idle"  # the reason if the scope is cancelled
        try:
            with connection.scope:
                reason = await self._speak(connection)
            self._say(connection, reason)
            await connection.close()
        finally:
            if connection.is_open:  # cancelled from outside, because the time for draining is over
                self._say(connection, "closing")
                connection.close_nowait()
            self.open.discard(connection)
            self.everywhere.discard(connection)
            self.limits.release(connection.counted)

    async def _learn_peer(self, connection: SocketConnection) -> bool:
        """Read the PROXY header and count the connection for its real peer. False: that peer has
        too many connections.

        Raises:
            ProxyFailed: there is no header, or it does not name the peer.
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
        """Serve the session, and handle every failure of it. Returns the reason for a farewell;
        None: there is nothing to send."""
        try:
            if self.proxies.has(connection.peer) and not await self._learn_peer(connection):
                return "busy"
            if self.settings.tls_mode == "implicit" and connection.tls is None:
                await connection.start_tls()
            connection.session = session = self.make_session(connection)
            await self.listener.serve(connection, session)
        except BaseExceptionGroup as group:
            errors, cancellation = group.split(Exception)
            reason = None if errors is None else _judge(errors, connection)
            if cancellation is not None:
                raise cancellation from None
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
        except Exception:  # noqa: BLE001 - an error of a plugin must not end the loop
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
        """Log, but in a flood not for each connection."""
        now = trio.current_time()
        if now >= self.quiet_until:
            self.quiet_until = now + COMPLAINT_SECONDS
            _log.warning(event, listener=self.name, **facts)


class _Reserve:
    """A descriptor that is kept for the moment when the process has no other."""

    def __init__(self) -> None:
        self._fd = -1
        self.acquire()

    def acquire(self) -> None:
        with contextlib.suppress(OSError):
            self._fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> bool:
        """Give the descriptor back; False if there was none."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
        return fd >= 0


def _judge(error: Exception, connection: SocketConnection) -> EndReason | None:
    """Log what ended a session; returns the reason for a farewell, or None if the connection is
    lost."""
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
    """Whether an error comes from the connection or the peer, and not from a bug here."""
    return isinstance(error, TlsFailed | ProxyFailed) or _only_lost(error)


def _only_lost(error: Exception) -> bool:
    if isinstance(error, ExceptionGroup):
        return error.split(ConnectionLost)[1] is None
    return isinstance(error, ConnectionLost)


def _peer_of(address: Any) -> _Peer:  # noqa: ANN401 - its shape depends on the socket's family
    """The peer's address and port, IPv4-mapped addresses as IPv4; None for a unix socket."""
    if not isinstance(address, tuple):
        return None
    host = ip_address(address[0].partition("%")[0])
    if isinstance(host, IPv6Address) and host.ipv4_mapped is not None:
        host = host.ipv4_mapped
    return host, address[1]


def _port_of(listening: socket.socket) -> int:
    name = listening.getsockname()
    return int(name[1]) if isinstance(name, tuple) else 0
