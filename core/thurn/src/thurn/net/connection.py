"""One accepted connection: octets, TLS, the deadline. Implements `contracts.connection`.

Rules of this file: it holds no octets, neither read ahead nor waiting to be sent, so an idle
connection is a task and a socket; the system call is tried first and the event loop is asked only
when it would block, so one send that succeeds costs no switch of tasks; whatever the socket says
that is not "later" is ConnectionLost. TLS is an SSLSocket on the same descriptor.
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

RECEIVE_MAXIMUM_OCTETS: Final = 65536  # above, malloc maps and unmaps memory for each call
COMMAND_OCTETS: Final = 16384  # whoever asks for more reads a message
_QUICKACK: Final = getattr(socket, "TCP_QUICKACK", None)  # Linux
JOIN_OCTETS: Final = 65536  # smaller pieces are joined up to here; larger ones go by themselves
STEPS_PER_TURN: Final = 16  # calls that did not wait before a busy peer lets the others run
LINGER_SECONDS: Final = 2.0  # for the peer to read our last words and close
LINGER_OCTETS: Final = 1 << 20  # what it may still send meanwhile; it is thrown away

EndReason: TypeAlias = Literal["error", "closing", "busy", "idle"]


class ConnectionLost(OSError):
    """The peer has gone, or speaks no TLS where it must; there is nobody left to answer."""


class TlsFailed(ConnectionLost):
    """The handshake came to nothing; the text is OpenSSL's reason."""


class Closing(Protocol):
    """What tells that the worker is draining; a trio.Event is one."""

    def is_set(self) -> bool:
        """Whether it is."""


class SocketConnection:
    """A `Connection` over a non-blocking socket. Made by the accept loop.

    Args:
        accepted: the socket; the connection owns it from now on.
        peer: its address and port; None for a unix socket.
        local_port: ours.
        settings: the listener's bounds.
        closing: set when the worker drains.
        tls: where certificates come from, if anywhere.

    Attributes:
        scope: what the connection lives in.
        counted: the address that it counts as; another than `peer` while a proxy has not said
            whose connection it is.
        deadline: when it is to be cancelled, by trio's clock.
    """

    __slots__ = (
        "_closing",
        "_end",
        "_fd",
        "_may_send",
        "_peer_ended",
        "_provider",
        "_settings",
        "_socket",
        "_steps",
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
            with contextlib.suppress(OSError):  # a peer that is gone already is noticed later
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
        self._steps = 0
        self._may_send = True
        self._peer_ended = False

    @property
    def can_start_tls(self) -> bool:
        """Whether there is a certificate, and no TLS yet."""
        return self._provider is not None and self.tls is None

    @property
    def closing(self) -> bool:
        """Whether the worker is draining."""
        return self._closing.is_set()

    def extend(self, seconds: float) -> None:
        """Move the deadline to `seconds` from now, and never beyond the total. Who looks at it
        comes by once a second, so it costs nothing to move and strikes up to a second late."""
        self.deadline = min(trio.current_time() + seconds, self._end)

    async def receive(self, maximum_octets: int = COMMAND_OCTETS) -> bytes:
        """What has arrived, at least one octet; b"" at the end of the stream.

        Raises:
            ConnectionLost: the peer has gone.

        Cancellation: nothing has been read.
        """
        self._steps += 1
        if self._steps > STEPS_PER_TURN:
            self._steps = 0
            await checkpoint()
        size_octets = min(maximum_octets, RECEIVE_MAXIMUM_OCTETS)
        while True:
            wait = wait_readable
            try:
                octets = self._socket.recv(size_octets)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._steps = 0
                if size_octets > COMMAND_OCTETS and self.peer is not None and _QUICKACK:
                    # A peer that sends a message in two pieces waits with the second for our
                    # acknowledgement (Nagle's algorithm), and the kernel with that for 40 ms.
                    self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
            except ssl.SSLWantWriteError:
                wait = wait_writable
            except OSError as error:
                raise self._lost(error) from error
            else:
                self._peer_ended = self._peer_ended or not octets
                return octets
            await wait(self._fd)  # here, where no exception is kept alive by it

    async def send(self, data: bytes) -> None:
        """Hand over everything.

        Raises:
            ConnectionLost: the peer has gone.

        Cancellation: what the kernel takes at once is sent: a 250 for what is stored must not be
        lost. Of the rest some may have been sent; nothing may be sent afterwards.
        """
        if not self._may_send:
            raise ConnectionLost("an earlier send was interrupted")
        self._steps += 1
        if self._steps > STEPS_PER_TURN:
            self._steps = 0
            await trio.lowlevel.cancel_shielded_checkpoint()
        try:
            sent = self._socket.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            sent = 0
        except OSError as error:
            raise self._lost(error) from error
        if sent < len(data):
            self._may_send = False  # until all is there: the stream has no meaning in between
            await self._send_rest(memoryview(data)[sent:])
            self._may_send = True

    async def _send_rest(self, rest: memoryview) -> None:
        self._steps = 0
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
        """Like `send` for several pieces; small neighbours are joined, large ones are not."""
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
        """Server handshake, within the listener's `handshake` seconds.

        Nothing was read ahead here. What the peer sent early in its own segment is read as part
        of the handshake and fails it; what the listener has read, the listener throws away.

        Raises:
            ConnectionLost: no TLS came about; nothing may be sent any more.

        RFC 3207 §4.2.
        """
        if self._provider is None or self.tls is not None:
            raise RuntimeError("start_tls without a certificate, or twice")
        context = prepare(self._provider.server_context())
        self._may_send = False  # neither words in the clear nor half a handshake
        self.extend(self._settings.handshake)
        try:
            secured = context.wrap_socket(
                self._socket, server_side=True, do_handshake_on_connect=False
            )
        except OSError as error:  # the peer is gone already
            raise self._lost(error) from error
        self._socket = secured
        await self._handshake(secured)
        cipher = secured.cipher() or ("", "", 0)
        # The context is the one that SNI has chosen, not the one that it began with; `prepare` has
        # left the name in `server_hostname`.
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
        """Send last words if the stream is in a state for them and the kernel takes them now."""
        if octets and self._may_send:
            self._may_send = False
            with contextlib.suppress(OSError):
                self._socket.send(octets)

    def cut(self, octets: bytes) -> None:
        """Send last words, end our side and cancel the session, which may not let itself be ended:
        then the peer has its answer all the same."""
        self.say(octets)
        self._half_close()
        self.scope.cancel()

    async def close(self) -> None:
        """End our side, wait a little for the peer to read it, close the socket.

        Without the wait, octets that arrive after us would make the kernel throw away what it
        has not yet delivered. Idempotent.

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
        """Send the close_notify of TLS and the FIN of TCP; False if the peer is gone."""
        self._may_send = False
        try:
            if isinstance(self._socket, ssl.SSLSocket) and self.tls is not None:
                # The peer's own close_notify is not waited for: RFC 8446 §6.1.
                with contextlib.suppress(ssl.SSLError, ValueError):
                    self._socket.unwrap()
            self._socket.shutdown(socket.SHUT_WR)  # octets are raw from here on, also under TLS
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
