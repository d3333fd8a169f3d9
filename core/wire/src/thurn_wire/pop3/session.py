"""What the server side knows of one session, and its output: the record that commands work on.

Rules of this file: the state changes only by `move`, octets go out only by `write`.
"""

from __future__ import annotations

from thurn_wire.pop3 import reply
from thurn_wire.pop3.capability import Offer, ServerConfig
from thurn_wire.pop3.error import LocalProtocolError
from thurn_wire.pop3.event import Reason
from thurn_wire.pop3.maildrop import Maildrop
from thurn_wire.pop3.state import SERVER, State, Trigger, follow


class Session:
    """State, output and what was said so far.

    Attributes:
        config: the site's settings.
        secured: whether TLS is up.
        state: where the session is.
        offer: how the client may log in now.
        name: what USER said.
        timestamp: what APOP's digest is made with; empty: no APOP.
        reason: why it ended; meaningful once CLOSED.
        output_octets: what `take_output` would return, counted.
    """

    __slots__ = (
        "_maildrop",
        "_output",
        "config",
        "name",
        "offer",
        "output_octets",
        "reason",
        "secured",
        "state",
        "timestamp",
    )

    def __init__(self, config: ServerConfig, *, secured: bool) -> None:
        self.config = config
        self.secured = secured
        self.state = State.GREETING
        self.offer = Offer()
        self.name = ""
        self.timestamp = ""
        self.reason = Reason.PEER_CLOSED
        self.output_octets = 0
        self._output: list[bytes] = []
        self._maildrop: Maildrop | None = None

    @property
    def logged_in(self) -> bool:
        """Whether there is a maildrop."""
        return self._maildrop is not None

    @property
    def stls_possible(self) -> bool:
        """Whether STLS would be accepted now. RFC 2595 §4."""
        return self.offer.stls and not self.secured and not self.logged_in

    @property
    def maildrop(self) -> Maildrop:
        """The maildrop; only there after login."""
        if self._maildrop is None:
            raise LocalProtocolError("there is no maildrop before login")
        return self._maildrop

    @maildrop.setter
    def maildrop(self, maildrop: Maildrop | None) -> None:
        self._maildrop = maildrop

    def move(self, trigger: Trigger) -> None:
        """Go where the table says."""
        self.state = follow(SERVER, self.state, trigger)

    def write(self, octets: bytes) -> None:
        """Add to the output."""
        self._output.append(octets)
        self.output_octets += len(octets)

    def write_list(self, text: str, block: bytes) -> None:
        """A multi-line reply whose lines are ready and never begin with a dot. RFC 1939 §3."""
        self.write(reply.ok(text))
        self.write(block)
        self.write(b".\r\n")

    def take_output(self) -> bytes:
        """Everything written, in order; it is then forgotten."""
        output = b"".join(self._output)
        self._output.clear()
        self.output_octets = 0
        return output

    def forget_clear_text(self) -> None:
        """TLS is up: nothing said before counts. RFC 2595 §4."""
        self.offer = Offer()
        self.name = ""
        self.secured = True
