"""A connection as listeners see it: octets, TLS, deadlines. The host makes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from thurn.types.session import PeerAddress, TlsState


class Connection(Protocol):
    """An accepted stream socket, perhaps under TLS. One task reads and writes it.

    `ConnectionLost` (an OSError) is raised by any call when the peer has gone in a way that
    leaves nothing to say; listeners let it pass, the host ends the connection quietly.
    """

    @property
    def peer(self) -> PeerAddress | None:
        """The peer's address (from the PROXY header where one is expected); None: unix socket."""

    @property
    def peer_port(self) -> int:
        """The peer's port; 0 for a unix socket."""

    @property
    def local_port(self) -> int:
        """Our port; 0 for a unix socket."""

    @property
    def tls(self) -> TlsState | None:
        """The encryption in force, if any."""

    @property
    def can_start_tls(self) -> bool:
        """Whether `start_tls` may be called: a certificate is there and TLS is not active."""

    @property
    def closing(self) -> bool:
        """The worker is draining: answer what is under way, then say goodbye (421 4.3.2)."""

    def extend(self, seconds: float) -> None:
        """Move the deadline: the connection is ended when nothing re-arms it in time.

        One deadline per connection, re-armed at each step; cheap (design: performance rule 2).
        The total-time bound of the listener stays in force.
        """

    async def receive(self, maximum_octets: int = 16384) -> bytes:
        """What has arrived, at least one octet; b"" at the end of the stream."""

    async def send(self, data: bytes) -> None:
        """Hand over everything. Cancellation: some of it may have been sent."""

    async def send_parts(self, parts: Sequence[bytes]) -> None:
        """Like `send` for several pieces, without joining large ones."""

    async def start_tls(self) -> None:
        """Server handshake. Octets that the peer sent before it are not there afterwards: the
        listener has thrown its own buffer away, the host reads nothing ahead. RFC 3207 §4.2."""

    async def close(self) -> None:
        """Send what is under way, close the TLS session and the socket."""
