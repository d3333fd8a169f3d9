"""One accepted connection: octets, TLS, the deadline. Implements `contracts.connection`.

Rules of this file:
1. It keeps no octets, neither read ahead nor waiting to be sent, so an idle connection is only a
   task and a socket.
2. It tries the system call first and waits in the event loop only if that would block, so a send
   that succeeds at once switches no tasks.
3. Every error of the socket other than "would block" is ConnectionLost.
4. TLS is an SSLSocket on the same descriptor.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Sequence
from typing import Final, Literal, Protocol, TypeAlias

import trio
from trio.lowlevel import checkpoint, wait_readable, wait_writable

from thurn.contracts.listener import ListenerSettings
from thurn.contracts.tls import TlsProvider
from thurn.net.endpoint import end_point
from thurn.net.tls import prepare
from thurn.types.session import PeerAddress, Session, TlsState

RECEIVE_MAXIMUM_OCTETS: Final = 65536
"""Most octets of one receive: for larger buffers malloc maps and unmaps memory in each call."""
COMMAND_OCTETS: Final = 16384
"""Most octets of a receive that reads commands; a listener that asks for more reads a message."""
_QUICKACK: Final = getattr(socket, "TCP_QUICKACK", None)
"""The option of Linux; None: the system has none."""
JOIN_OCTETS: Final = 65536
"""Most octets of small pieces that are joined for one send; a larger piece is sent by itself."""
CALLS_PER_TURN: Final = 16
"""Most calls in a row that do not wait, before a busy peer lets other connections run."""
LINGER_SECONDS: Final = 2.0
"""Time that a peer gets to read the last reply and close, before the socket is closed."""
LINGER_OCTETS: Final = 1 << 20
"""Most octets that a peer may still send in that time; they are thrown away."""

EndReason: TypeAlias = Literal["error", "closing", "busy", "idle"]


class ConnectionLost(OSError):
    """The peer has gone, or does not speak TLS although it must; it cannot be answered any more."""


class TlsFailed(ConnectionLost):
    """The TLS handshake failed; the text is OpenSSL's reason."""


class Closing(Protocol):
    """Says whether the worker is draining; a trio.Event is one."""

    def is_set(self) -> bool:
        """Whether the worker is draining."""


class SocketConnection:
    """A `Connection` over a non-blocking socket. Made by the accept loop.

    Args:
        accepted: the socket; the connection owns it from now on.
        peer: the peer's address and port; None for a unix socket.
        local_port: the server's port.
        settings: the listener's bounds.
        closing: set when the worker drains.
        tls: where certificates come from; None: there are none.

    Attributes:
        scope: the scope of the connection's task; cancelling it ends the session.
        counted: the address that the connection counts for in the limits; not `peer` as long as a
            proxy has not said whose connection it is.
        deadline: when the session is cancelled, by trio's clock.
    """

    __slots__ = (
        "_calls",
        "_closing",
        "_end",
        "_fd",
        "_may_send",
        "_peer_ended",
        "_provider",
        "_settings",
        "_socket",
        "counted",
        "deadline",
        "local_port",
        "peer",
        "peer_port",
        "scope",
        "session",
        "tls",
    )

    def __init__(
        self,
        accepted: socket.socket,
        peer: tuple[PeerAddress, int] | None,
        local_port: int,
        settings: ListenerSettings,
        closing: Closing,
        tls: TlsProvider | None,
    ) -> None:
        accepted.setblocking(False)
        if accepted.family != socket.AF_UNIX:
            with contextlib.suppress(OSError):  # if the peer has gone already, `receive` notices
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = accepted
        self._fd = accepted.fileno()
        self.peer: PeerAddress | None = peer[0] if peer else None
        self.counted = self.peer
        self.peer_port = peer[1] if peer else 0
        self.local_port = local_port
        self.tls: TlsState | None = None
        self.session: Session | None = None
        self._settings = settings
        self._provider = tls
        self._closing = closing
        self.scope = trio.CancelScope()
        self._end = trio.current_time() + settings.total
        self.extend(settings.idle)
        self._calls = 0
        self._may_send = True
        self._peer_ended = False

    @property
    def can_start_tls(self) -> bool:
        """Whether there is a certificate, and TLS is not active."""
        return self._provider is not None and self.tls is None

    @property
    def closing(self) -> bool:
        """Whether the worker is draining."""
        return self._closing.is_set()

    def extend(self, seconds: float) -> None:
        """Move the deadline to `seconds` from now, but not beyond the total. The deadlines of all
        connections are looked at once a second, so moving one costs nothing, and it takes effect up
        to a second late."""
        self.deadline = min(trio.current_time() + seconds, self._end)

    async def receive(self, maximum_octets: int = COMMAND_OCTETS) -> bytes:
        """What has arrived, at least one octet; b"" at the end of the stream.

        Raises:
            ConnectionLost: the peer has gone.

        Cancellation: nothing has been read.
        """
        self._calls += 1
        if self._calls > CALLS_PER_TURN:
            self._calls = 0
            await checkpoint()
        size_octets = min(maximum_octets, RECEIVE_MAXIMUM_OCTETS)
        while True:
            wait = wait_readable
            try:
                octets = self._socket.recv(size_octets)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._calls = 0
                if size_octets > COMMAND_OCTETS and self.peer is not None and _QUICKACK:
                    # A peer that sends a message in two pieces waits for our acknowledgement before
                    # the second one (Nagle's algorithm), and the kernel delays that by 40 ms.
                    self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
            except ssl.SSLWantWriteError:
                wait = wait_writable
            except OSError as error:
                raise self._lost(error) from error
            else:
                self._peer_ended = self._peer_ended or not octets
                return octets
            await wait(self._fd)  # outside of `except`, which would keep its exception in memory

    async def send(self, data: bytes) -> None:
        """Send everything.

        Raises:
            ConnectionLost: the peer has gone, or an earlier send was cancelled.

        Cancellation: what the kernel takes at once is sent, because a 250 for a stored message must
        not be lost. A part of the rest may have been sent; nothing can be sent afterwards.
        """
        if not self._may_send:
            raise ConnectionLost("an earlier send was interrupted")
        self._calls += 1
        if self._calls > CALLS_PER_TURN:
            self._calls = 0
            await trio.lowlevel.cancel_shielded_checkpoint()
        try:
            sent = self._socket.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            sent = 0
        except OSError as error:
            raise self._lost(error) from error
        if sent < len(data):
            self._may_send = False  # until all is sent: nothing may come between the two parts
            await self._send_rest(memoryview(data)[sent:])
            self._may_send = True

    async def _send_rest(self, rest: memoryview) -> None:
        self._calls = 0
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                await wait_writable(self._fd)
            except ssl.SSLWantReadError:
                await wait_readable(self._fd)
            except OSError as error:
                raise self._lost(error) from error

    async def send_parts(self, parts: Sequence[bytes]) -> None:
        """Like `send` for several pieces; small ones in a row are joined, large ones are not."""
        batch: list[bytes] = []
        size_octets = 0
        for part in parts:
            if batch and size_octets + len(part) > JOIN_OCTETS:
                await self.send(batch[0] if len(batch) == 1 else b"".join(batch))
                batch.clear()
                size_octets = 0
            batch.append(part)
            size_octets += len(part)
        if batch:
            await self.send(batch[0] if len(batch) == 1 else b"".join(batch))

    async def start_tls(self) -> None:
        """Do the server's handshake, within the listener's `handshake` seconds.

        Nothing was read ahead here. What the peer has sent too early is read as part of the
        handshake and fails it, and the listener throws away what it has read.

        Raises:
            ConnectionLost: the handshake failed; nothing can be sent any more.

        RFC 3207 §4.2.
        """
        if self._provider is None or self.tls is not None:
            raise RuntimeError("start_tls without a certificate, or twice")
        context = prepare(self._provider.server_context())
        self._may_send = False  # nothing may be sent in the clear or within the handshake
        self.extend(self._settings.handshake)
        try:
            secured = context.wrap_socket(
                self._socket, server_side=True, do_handshake_on_connect=False
            )
        except OSError as error:  # the peer has gone already
            raise self._lost(error) from error
        self._socket = secured
        await self._handshake(secured)
        cipher = secured.cipher() or ("", "", 0)
        # SNI may have chosen another context than the one at the beginning. `prepare` has noted the
        # name in `server_hostname`.
        certificate = getattr(secured.context, "certificate", b"")
        self.tls = TlsState(
            secured.version() or "", cipher[0], secured.server_hostname, end_point(certificate)
        )
        if self.session is not None:
            self.session.tls = self.tls
        self.extend(self._settings.idle)
        self._may_send = True

    async def _handshake(self, secured: ssl.SSLSocket) -> None:
        while True:
            try:
                secured.do_handshake()
            except ssl.SSLWantReadError:
                await wait_readable(self._fd)
            except ssl.SSLWantWriteError:
                await wait_writable(self._fd)
            except ssl.SSLError as error:
                raise TlsFailed(error.errno, error.reason or str(error)) from error
            except OSError as error:
                raise self._lost(error) from error
            else:
                return

    @property
    def is_open(self) -> bool:
        """Whether the socket has not been closed."""
        return self._socket.fileno() >= 0

    def say(self, octets: bytes) -> None:
        """Send a farewell, if that is possible in the state of the stream and the kernel takes it
        at once. Nothing can be sent afterwards."""
        if octets and self._may_send:
            self._may_send = False
            with contextlib.suppress(OSError):
                self._socket.send(octets)

    def cut(self, octets: bytes) -> None:
        """Send a farewell, end this side of the connection and cancel the session. The peer gets
        its answer even if the session does not end when it is cancelled."""
        self.say(octets)
        self._half_close()
        self.scope.cancel()

    async def close(self) -> None:
        """End this side, wait a little for the peer to read everything, and close the socket.

        Without the wait, octets that arrive after the close would make the kernel throw away what
        it has not delivered yet. Idempotent.

        Cancellation: the socket is closed.
        """
        if not self.is_open:
            return
        try:
            if self._half_close() and not self._peer_ended:
                with trio.move_on_after(LINGER_SECONDS):
                    await self._discard()
        finally:
            self.close_nowait()

    def close_nowait(self) -> None:
        """Close the socket at once."""
        if self.is_open:
            trio.lowlevel.notify_closing(self._fd)
            self._socket.close()
            self._may_send = False

    def _half_close(self) -> bool:
        """Send the close_notify of TLS and the FIN of TCP; False if the peer has gone."""
        self._may_send = False
        try:
            if isinstance(self._socket, ssl.SSLSocket) and self.tls is not None:
                # RFC 8446 §6.1: nobody need wait for the peer's own close_notify.
                with contextlib.suppress(ssl.SSLError, ValueError):
                    self._socket.unwrap()
            self._socket.shutdown(socket.SHUT_WR)  # from here on octets are read without TLS
        except OSError:
            return False
        return True

    async def _discard(self) -> None:
        rest_octets = LINGER_OCTETS
        with contextlib.suppress(ConnectionLost):
            while rest_octets > 0 and (octets := await self.receive(RECEIVE_MAXIMUM_OCTETS)):
                rest_octets -= len(octets)

    def _lost(self, error: OSError) -> ConnectionLost:
        self._may_send = False
        if not isinstance(error, ssl.SSLError):
            self._peer_ended = True
            return ConnectionLost(error.errno, error.strerror or str(error))
        return ConnectionLost(error.errno, error.reason or str(error))
