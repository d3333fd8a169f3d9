"""What the server engine knows of one session: the record that all its parts work on.

Rules of this file: all fields are declared here and nowhere else; all limits of a session are
counted here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from thurn_wire.dialogue import Dialogue
from thurn_wire.event import AuthCancelled, Reason
from thurn_wire.foreign import HTTP_METHODS
from thurn_wire.imap.command import AppendItem
from thurn_wire.imap.config import ImapConfig
from thurn_wire.imap.event import AppendCancelled, Event
from thurn_wire.imap.fragment import Fragmentizer
from thurn_wire.imap.grammar.registry import Grammar
from thurn_wire.imap.reply import Condition, Reply, bye
from thurn_wire.imap.state import APPENDING, SERVER, State, Step

FOREIGN: Final = HTTP_METHODS | {b"EHLO", b"HELO"}
"""First words of other protocols; no client uses them as tags."""


@dataclass(slots=True)
class Appending:
    """An APPEND under way.

    Attributes:
        item: the message that is announced and not returned as an event yet.
        messages: how many were announced.
        is_binary: the current message is a literal8.
        is_streaming: octets of the current message are still to come.
    """

    item: AppendItem | None
    messages: int = 1
    is_binary: bool = False
    is_streaming: bool = False


class Session(Dialogue[State, Step]):
    """The record of one session.

    Args:
        grammar: the grammar of commands.
        config: the settings.

    Attributes:
        grammar: the grammar of commands.
        config: the settings.
        fragments: the octets received and not read.
        tag: the tag of the last command.
        name: the word of the last command.
        utf8: mailbox names are UTF-8.
        appending: the APPEND under way, if there is one.
        errors: BAD replies since the last command that could be read.
        is_silent: the peer has sent nothing yet.
        is_foreign: the first octet of the peer begins a TLS handshake.
    """

    __slots__ = (
        "appending",
        "config",
        "errors",
        "fragments",
        "grammar",
        "is_foreign",
        "is_silent",
        "name",
        "tag",
        "utf8",
    )

    def __init__(self, grammar: Grammar, config: ImapConfig) -> None:
        super().__init__(SERVER)
        self.grammar = grammar
        self.config = config
        self.fragments = Fragmentizer()
        self.tag = b""
        self.name = ""
        self.utf8 = False
        self.appending: Appending | None = None
        self.is_silent, self.is_foreign = True, False
        self.errors = 0

    def forget_clear_text(self) -> int:
        """TLS is active: forget everything from before it. RFC 9051 §6.2.1, CVE-2011-0411.

        Returns:
            The octets that were received and not read.
        """
        self.move(Step.TLS_STARTED)
        early_octets = self.fragments.discard()
        self.is_silent, self.is_foreign = True, False
        self.errors = 0
        return early_octets

    def refuse(self, tag: bytes | None, reply: Reply, reason: Reason | None = None) -> Event | None:
        """Refuse what was read.

        Args:
            tag: the tag of the command; None: untagged.
            reply: NO or BAD.
            reason: ends the dialogue, after BYE.

        Returns:
            What the session has to know: that an exchange, or APPEND, is over.
        """
        event: Event | None = None
        if self.state in APPENDING:
            self.appending = None
            event = AppendCancelled()
        elif self.state is State.CHALLENGED:
            event = AuthCancelled()
        self.move(Step.REFUSED)
        self.write(reply.encode(tag or b"*"))
        if tag is not None and self.state is State.NOT_AUTHENTICATED and tag.upper() in FOREIGN:
            reason = Reason.FOREIGN
        self.errors += reply.condition is Condition.BAD
        if self.errors >= self.config.errors:
            reason = reason or Reason.TOO_MANY_ERRORS
        if reason is not None:
            self.end(bye(reason.value), reason)
        return event

    def end(self, reply: Reply, reason: Reason) -> None:
        """Write the last reply, untagged, and close."""
        self.write(reply.encode())
        self.close(reason)

    def close(self, reason: Reason) -> None:
        """End the dialogue and free what it holds."""
        super().close(reason)
        self.appending = None
        self.fragments.discard()
