"""What the server engine knows of one session: the record that all its parts work on.

Rules of this file:
1. All fields are declared here and nowhere else; all limits of a session are counted here.
2. A transaction has one record, which is replaced when it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from thurn_wire import sasl
from thurn_wire.collector import Collector
from thurn_wire.dialogue import Dialogue
from thurn_wire.enddata import EndOfData
from thurn_wire.event import Reason
from thurn_wire.linebuffer import BareLineEnd, LineBuffer, LineNeverEnds, LineTooLong
from thurn_wire.smtp import own_reply
from thurn_wire.smtp.capability import Offer
from thurn_wire.smtp.config import Profile, SmtpConfig
from thurn_wire.smtp.reply import CommandError, Reply
from thurn_wire.smtp.state import SERVER, State, Step

_NOTHING_OFFERED = Offer()
_CHUNK_VERB = Step.BDAT.value.encode()
_CHUNK_VERB_OCTETS = len(_CHUNK_VERB)


@dataclass(slots=True)
class Transaction:
    """What belongs to the open transaction, if one is open.

    Attributes:
        accepted_recipients: how many RCPT were accepted.
        has_refused_recipients: at least one RCPT was refused by the session.
        overshoot: RCPT beyond the limit of recipients.
        smtputf8: MAIL had SMTPUTF8.
        content: reads the content of DATA; None outside of it.
        chunks: collects the content of BDAT; None outside of it.
    """

    accepted_recipients: int = 0
    has_refused_recipients: bool = False
    overshoot: int = 0
    smtputf8: bool = False
    content: EndOfData | None = None
    chunks: Collector | None = None

    @property
    def collecting(self) -> EndOfData | Collector | None:
        """What has the content under way, whichever command brings it."""
        return self.content or self.chunks


class Discard(NamedTuple):
    """A refused BDAT whose octets still have to be read."""

    replies: Sequence[Reply]
    counts: bool
    """The peer made an error; otherwise the session refused."""
    content_octets: int | None = None
    """The announced octets, if the refusal ends the open transaction."""


class Session(Dialogue[State, Step]):
    """The record of one session.

    Args:
        config: the settings.
        tls_active: TLS is active from the first octet.

    Attributes:
        config: the settings.
        lmtp: the profile is LMTP.
        tls_active: TLS is active.
        authenticated: a SASL exchange succeeded; a second AUTH is refused. RFC 4954 §4.
        early_talker: the peer sent octets before the greeting. RFC 5321 §3.1.
        offer: what the client may use now.
        mail_words: the parameters of MAIL that are offered.
        recipient_words: the parameters of RCPT that are offered.
        hello_verb: the verb of the last EHLO, HELO or LHLO.
        lines: the octets received and not read.
        group_end_octets: how many octets had come when the last EHLO was read: commands that begin
            before that were sent in one group with it. RFC 2920 §3.1.
        is_silent: the peer has sent nothing since the connection, or TLS, began.
        is_foreign: the first octet of the peer cannot begin a command.
        is_draining: the next command is answered with 421.
        transaction: see `Transaction`.
        left_octets: octets of the current BDAT that are still to come.
        is_last: the current BDAT has LAST.
        discard: see `Discard`.
    """

    __slots__ = (
        "_errors",
        "_junk",
        "_received_octets",
        "authenticated",
        "config",
        "discard",
        "early_talker",
        "group_end_octets",
        "hello_verb",
        "is_draining",
        "is_foreign",
        "is_last",
        "is_silent",
        "left_octets",
        "lines",
        "lmtp",
        "mail_words",
        "offer",
        "recipient_words",
        "tls_active",
        "transaction",
    )

    def __init__(self, config: SmtpConfig, *, tls_active: bool) -> None:
        super().__init__(SERVER)
        self.config = config
        self.lmtp = config.profile is Profile.LMTP
        self.tls_active = tls_active
        self.authenticated = False
        self.early_talker = False
        self.recipient_words = frozenset[str]().union(
            *(each.recipient_parameters for each in config.extensions)
        )
        self.set_offer(_NOTHING_OFFERED)
        self.hello_verb = ""
        self.lines = LineBuffer()
        self.group_end_octets = self._received_octets = 0
        self.is_silent, self.is_foreign = True, False
        self.is_draining = False
        self.transaction = Transaction()
        self.left_octets = 0
        self.is_last = False
        self.discard: Discard | None = None
        self._errors = 0
        self._junk = 0

    def set_offer(self, offer: Offer) -> None:
        """Set what the client may use from now on."""
        self.offer = offer
        words = {"SIZE", "BODY"}
        if self.config.smtputf8:
            words.add("SMTPUTF8")
        if offer.mechanisms or self.authenticated:
            words.add("AUTH")  # RFC 4954 §5
        self.mail_words = frozenset(words).union(
            *(each.mail_parameters for each in self.config.extensions)
        )

    @property
    def usable_offer(self) -> Offer:
        """What EHLO announces: not STARTTLS under TLS, not AUTH after it. RFC 3207, RFC 4954 §4."""
        mechanisms = () if self.authenticated else self.offer.mechanisms
        return Offer(mechanisms, self.offer.starttls and not self.tls_active)

    def forget_transaction(self) -> None:
        """The transaction has ended, if one was open."""
        self.transaction = Transaction()

    def forget_clear_text(self) -> int:
        """TLS is active: forget everything from before it. RFC 3207 §4.2, CVE-2011-0411.

        Returns:
            The octets that were received and not read.
        """
        self.move(Step.TLS_STARTED)
        self.tls_active = True
        self.authenticated = False
        self.is_silent, self.is_foreign = True, False
        self.hello_verb = ""
        self.forget_transaction()
        self.set_offer(self.offer)
        return self.lines.discard()

    # --- reading

    def receive(self, octets: bytes) -> None:
        """Add what the peer sent."""
        self._received_octets += len(octets)
        self.lines.receive(octets)

    def end_group(self) -> None:
        """The line just read is the last one of its group: what came with it is refused."""
        self.group_end_octets = self._received_octets

    def is_in_ended_group(self, line: bytes) -> bool:
        """Whether the line just read came in one group with an EHLO before it. RFC 2920 §3.1."""
        begin_octets = self._received_octets - len(self.lines) - len(line) - 2
        return begin_octets < self.group_end_octets

    def next_line(self, too_long: Reply) -> bytes | None:
        """The next line; None if it has not come, or never will.

        Raises:
            CommandError: the line is too long, or has a bare line end.
        """
        try:
            return self.lines.next_line(sasl.LINE_OCTETS)
        except LineTooLong:
            begin, reply = self.lines.peek(_CHUNK_VERB_OCTETS), too_long
        except BareLineEnd as error:
            begin, reply = error.line[:_CHUNK_VERB_OCTETS], own_reply.BARE_LINE_END_IN_COMMAND
        except LineNeverEnds:
            self.close(Reason.FOREIGN)
            return None
        if begin.upper() != _CHUNK_VERB or self.state is State.CHALLENGED:
            raise CommandError(reply)
        # The octets of this BDAT cannot be counted, and must not be read as commands.
        self.end(own_reply.CHUNK_WITHOUT_SIZE, Reason.FOREIGN)
        return None

    @property
    def all_recipients_refused(self) -> bool:
        """Whether 554 is the answer to DATA without recipients. RFC 5321 §3.3, RFC 2033 §4.2."""
        return self.transaction.has_refused_recipients and not self.lmtp

    # --- answering

    def say(self, reply: Reply) -> None:
        """Write a reply."""
        self.write(reply.encode())

    def refuse(self, reply: Reply) -> None:
        """Refuse a command, or an exchange, for an error of the peer's."""
        self.say(reply)
        self.move(Step.REFUSED)
        self.count_error()

    def for_each(self, reply: Reply, *, whole: bool) -> Sequence[Reply]:
        """The reply as often as the peer expects it.

        LMTP expects one reply per accepted recipient after the last octet of the content.
        RFC 2033 §4.2, §4.3.
        """
        return [reply] * (self.transaction.accepted_recipients if self.lmtp and whole else 1)

    def end_message(self, replies: Sequence[Reply]) -> None:
        """Answer the content, which ends the transaction."""
        self.awaiting = None
        for reply in replies:
            self.say(reply)
        self.move(Step.MESSAGE_ENDED)
        self.forget_transaction()
        if any(reply.is_positive for reply in replies):
            self._errors = self._junk = 0

    # --- limits and the end

    def count_error(self) -> None:
        """Count a refusal; too many of them end the dialogue."""
        self._errors += 1
        if self._errors >= self.config.errors and not self.is_closed:
            self.end(own_reply.TOO_MANY_ERRORS, Reason.TOO_MANY_ERRORS)

    def count_junk(self) -> None:
        """Count a command without effect; too many of them end the dialogue."""
        self._junk += 1
        if self._junk > self.config.junk:
            self.end(own_reply.TOO_MANY_ERRORS, Reason.TOO_MANY_ERRORS)

    def end(self, reply: Reply, reason: Reason) -> None:
        """Write the last reply and close."""
        self.say(reply)
        self.close(reason)

    def close(self, reason: Reason) -> None:
        """End the dialogue and free what it holds."""
        super().close(reason)
        self.lines.discard()
        self.forget_transaction()
