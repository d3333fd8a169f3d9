"""What the server engine knows of one session: the record that all its parts work on.

Rules of this file: all fields are declared here and nowhere else; all limits of a session are
counted here.
"""

from __future__ import annotations

from thurn_wire.dialogue import Dialogue
from thurn_wire.error import LocalProtocolError
from thurn_wire.event import Reason
from thurn_wire.linebuffer import LineBuffer
from thurn_wire.pop3 import limits
from thurn_wire.pop3.capability import Offer
from thurn_wire.pop3.config import Pop3Config
from thurn_wire.pop3.content import Stuffer
from thurn_wire.pop3.maildrop import Maildrop
from thurn_wire.pop3.reply import Reply, ok
from thurn_wire.pop3.state import SERVER, State, Step


class Session(Dialogue[State, Step]):
    """The record of one session.

    Args:
        config: the settings of the site.
        tls_active: TLS is active from the first octet.
        timestamp: what the digest of APOP is made with; empty: APOP is not possible.

    Attributes:
        config: the settings of the site.
        tls_active: TLS is active.
        timestamp: the timestamp in the greeting.
        offer: how the client may log in now.
        name: the argument of the last USER.
        lines: the octets received and not read.
        stuffer: writes the message that is sent in chunks; None outside of one.
        is_silent: the peer has sent nothing yet.
        is_foreign: the first octet of the peer begins a TLS handshake.
        is_draining: the next command but QUIT is refused, and the session ends.
    """

    __slots__ = (
        "_commands_before_login",
        "_errors",
        "_maildrop",
        "config",
        "is_draining",
        "is_foreign",
        "is_silent",
        "lines",
        "name",
        "offer",
        "stuffer",
        "timestamp",
        "tls_active",
    )

    def __init__(self, config: Pop3Config, *, tls_active: bool, timestamp: str) -> None:
        super().__init__(SERVER)
        self.config = config
        self.tls_active = tls_active
        self.timestamp = timestamp
        self.offer = Offer()
        self.name = ""
        self.lines = LineBuffer()
        self.stuffer: Stuffer | None = None
        self.is_silent, self.is_foreign = True, False
        self.is_draining = False
        self._maildrop: Maildrop | None = None
        self._errors = 0
        self._commands_before_login = 0

    # --- login

    @property
    def is_logged_in(self) -> bool:
        """Whether a maildrop is open."""
        return self._maildrop is not None

    @property
    def starttls_possible(self) -> bool:
        """Whether STLS would be accepted now. RFC 2595 §4."""
        return self.offer.starttls and not self.tls_active and not self.is_logged_in

    @property
    def maildrop(self) -> Maildrop:
        """The maildrop; only after login."""
        if self._maildrop is None:
            raise LocalProtocolError("there is no maildrop before login")
        return self._maildrop

    @maildrop.setter
    def maildrop(self, maildrop: Maildrop) -> None:
        self._maildrop = maildrop

    def forget_clear_text(self) -> int:
        """TLS is active: forget everything from before it. RFC 2595 §4, CVE-2011-0411.

        Returns:
            The octets that were received and not read.
        """
        self.move(Step.TLS_STARTED)
        self.offer = Offer()
        self.name = ""
        self.tls_active = True
        self.is_silent, self.is_foreign = True, False
        return self.lines.discard()

    # --- answering

    def say(self, reply: Reply) -> None:
        """Write a reply."""
        self.write(reply.encode())

    def say_lines(self, text: str, block: bytes) -> None:
        """Write a multi-line reply whose lines never begin with a dot. RFC 1939 §3."""
        self.write(ok(text).encode())
        self.write(block)
        self.write(b".\r\n")

    def refuse(self, reply: Reply) -> None:
        """Refuse a command, or an exchange, for an error of the peer's."""
        self.say(reply)
        self.move(Step.REFUSED)
        self.count_error()

    # --- limits and the end

    def count_error(self) -> None:
        """Count a refusal; too many of them end the dialogue."""
        self._errors += 1
        if self._errors >= limits.ERRORS:
            self.close(Reason.TOO_MANY_ERRORS)

    def may_go_on(self) -> bool:
        """Count a command; whether there were not too many of them before login."""
        if self._maildrop is not None:
            return True
        self._commands_before_login += 1
        return self._commands_before_login <= limits.COMMANDS_BEFORE_LOGIN

    def end(self, reply: Reply, reason: Reason) -> None:
        """Write the last reply and close."""
        self.say(reply)
        self.close(reason)

    def close(self, reason: Reason) -> None:
        """End the dialogue and free what it holds."""
        super().close(reason)
        self.lines.discard()
        self._maildrop = None
        self.stuffer = None
