"""A connection as listeners see it: octets, TLS, deadlines. The host implements it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from thurn.types.session import PeerAddress, TlsState


class Connection(Protocol):
    """An accepted stream socket, perhaps with TLS. One task reads and writes it.

    Any call may raise `ConnectionLost` (an OSError): the peer has gone and nothing can be sent any
    more. Listeners let it pass, and the host ends the connection without a message.
    """

    @property
    def peer(self) -> PeerAddress | None:
        """The peer's address, behind a listed proxy the one in the PROXY header; None for a unix
        socket."""

    @property
    def peer_port(self) -> int:
        """The peer's port; 0 for a unix socket."""

    @property
    def local_port(self) -> int:
        """The server's port; 0 for a unix socket."""

    @property
    def tls(self) -> TlsState | None:
        """The encryption in force, if any."""

    @property
    def can_start_tls(self) -> bool:
        """Whether `start_tls` may be called: there is a certificate, and TLS is not active."""

    @property
    def closing(self) -> bool:
        """Whether the worker is draining: finish what is under way, then end the session with a
        farewell (421 4.3.2 in SMTP)."""

    def extend(self, seconds: float) -> None:
        """Move the deadline: the connection is ended if it passes without another call of this.

        There is one deadline per connection, and moving it is cheap. The listener's bound on a
        connection's total time stays in force.
        """

    async def receive(self, maximum_octets: int = 16384) -> bytes:
        """What has arrived, at least one octet; b"" at the end of the stream."""

    async def send(self, data: bytes) -> None:
        """Send everything. Cancellation: some of it may have been sent."""

    async def send_parts(self, parts: Sequence[bytes]) -> None:
        """Like `send` for several pieces, without joining large ones."""

    async def start_tls(self) -> None:
        """Do the server's TLS handshake. Nothing that the peer sent before it is read afterwards:
        the listener has thrown its own buffer away, and the host reads nothing ahead. RFC 3207
        §4.2."""

    async def close(self) -> None:
        """End the TLS session and close the socket."""
