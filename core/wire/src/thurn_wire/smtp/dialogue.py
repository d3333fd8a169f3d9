"""What a server's dialogue keeps, and the few ways in which all of it changes.

Rules of this file: the fields of `SmtpServer` are declared here and nowhere else; each bound is
counted here; the dialogue ends here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from thurn_wire.content import Collector
from thurn_wire.enddata import EndOfData
from thurn_wire.linebuffer import BareLineEnd, LineBuffer, LineNeverEnds, LineTooLong
from thurn_wire.smtp import answer, event, limits
from thurn_wire.smtp.command import CommandError
from thurn_wire.smtp.config import Profile, SmtpConfig
from thurn_wire.smtp.error import LocalProtocolError
from thurn_wire.smtp.event import NEED_DATA, Event, Pause, Reason
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.state import SERVER, Input, State, follow


class Discard(NamedTuple):
    """A refused BDAT whose octets are still to be read away."""

    replies: Sequence[Reply]
    counts: bool
    """It is an error of the peer, not a refusal of the session."""


class Dialogue:
    """The fields, and what ends or bounds the dialogue.

    Args:
        config: the settings.
        tls_active: TLS is there from the first octet (submissions).
    """

    def __init__(self, config: SmtpConfig, *, tls_active: bool = False) -> None:
        self.config = config
        self.state = State.CONNECTED
        self.tls_active = tls_active
        self.authenticated = False
        """A mechanism has succeeded; a second AUTH is refused. RFC 4954 §4."""
        self.early_talker = False
        """The peer sent something before the greeting. RFC 5321 §3.1."""
        self.accepted_recipients = 0
        self._lines = LineBuffer()
        self._out: list[bytes] = []
        self._lmtp = config.profile is Profile.LMTP
        self._recipient_words = frozenset[str]().union(
            *(each.recipient_parameters for each in config.extensions)
        )
        self._mechanisms: tuple[str, ...] = ()
        self._starttls = False
        self._awaiting: Input | None = None
        self._mail_words: frozenset[str] = frozenset()
        self.offer()
        self._reason: Reason | None = None
        self._silent, self._foreign = True, False  # nothing received yet; another protocol's
        self._eof = self._draining = False
        self._errors = self._junk = 0
        self._hello_verb = ""
        self._smtputf8 = False
        self._refused_recipients = False
        self._overshoot = 0  # RCPT past the bound of recipients
        self._end: EndOfData | None = None
        self._collector: Collector | None = None
        self._left_octets = 0  # of the BDAT that is being read
        self._last = False
        self._discarding: Discard | None = None

    def offer(
        self, *, mechanisms: Sequence[str] | None = None, starttls: bool | None = None
    ) -> None:
        """What may be used from now on, and what the next EHLO says; None leaves as it is."""
        if mechanisms is not None:
            self._mechanisms = tuple(mechanisms)
        if starttls is not None:
            self._starttls = starttls
        words = {"SIZE", "BODY"}
        if self.config.smtputf8:
            words.add("SMTPUTF8")
        if self._mechanisms or self.authenticated:
            words.add("AUTH")  # RFC 4954 §5
        self._mail_words = frozenset(words).union(
            *(each.mail_parameters for each in self.config.extensions)
        )

    def count_error(self) -> None:
        """Count a refusal of the session's own (guessed recipients, wrong passwords)."""
        self._errors += 1
        if self._errors >= self.config.errors and self.state is not State.CLOSED:
            self._out.append(answer.TOO_MANY_ERRORS.encode())
            self._close(Reason.TOO_MANY_ERRORS)

    # --- within

    def _next_line(self, too_long: Reply) -> bytes | None:
        """The next line; None if it is not there yet, or never will be.

        Raises:
            CommandError: it is too long, or has a bare line end.
        """
        try:
            return self._lines.next_line(limits.AUTH_LINE_OCTETS)
        except LineTooLong:
            raise CommandError(too_long) from None
        except BareLineEnd:
            raise CommandError(answer.BARE_LINE_END_IN_COMMAND) from None
        except LineNeverEnds:
            self._close(Reason.FOREIGN)
            return None

    def _need_data(self) -> Event | Pause:
        if self.state is State.CLOSED:
            return self.read_end()
        if not self._eof:
            return NEED_DATA
        self._close(Reason.PEER_CLOSED)
        return self.read_end()

    def read_end(self) -> Event:
        """Nothing is read any more."""
        return event.Closed(self._reason or Reason.PEER_CLOSED)

    def _take_answer(self, reply: Reply) -> Input:
        awaiting = self._awaiting
        if awaiting is None:
            raise LocalProtocolError("no event waits for a reply")
        self._awaiting = None
        self._out.append(reply.encode())
        return awaiting

    def _refuse(self, reply: Reply) -> None:
        self._out.append(reply.encode())
        self.count_error()

    def _count_junk(self) -> None:
        self._junk += 1
        if self._junk > self.config.junk:
            self._out.append(answer.TOO_MANY_ERRORS.encode())
            self._close(Reason.TOO_MANY_ERRORS)

    def _no_valid_recipients(self) -> bool:
        return self._refused_recipients and not self._lmtp

    def _forget_transaction(self) -> None:
        self.accepted_recipients = 0
        self._refused_recipients = False
        self._overshoot = 0
        self._smtputf8 = False
        self._end = self._collector = None

    def _close(self, reason: Reason) -> None:
        if self._reason is None:
            self._reason = reason
        self.state = follow(SERVER, self.state, Input.STOPPED)
        self._awaiting = None
        self._lines.discard()
        self._forget_transaction()
