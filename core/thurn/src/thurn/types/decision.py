"""What a rule or filter decides. Decisions are values; an exception means "could not decide".

A rule that returns None means `Continue()`: no opinion. In a chain the first other answer ends
this stage, and only this stage. Each decision has a stable `reason` (a dotted word for logs and
tests, such as "list.blocked") and a `detail` (free text for the site, never shown to a peer).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from thurn.types.address import Address
from thurn.types.status import Status


@dataclass(frozen=True, slots=True)
class InsertHeader:
    """Put a new field above the message."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class InsertFields:
    """Put whole header fields above the message exactly as they are.

    For signatures, which break if a line is folded in another place: `InsertHeader` folds lines as
    it likes.

    Attributes:
        octets: one field or more, each ended by CRLF, folded or not, no line over 998 octets.
    """

    octets: bytes


@dataclass(frozen=True, slots=True)
class ReplaceHeader:
    """Replace all fields of this name by one; if there is none, put one above the message."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class RemoveHeader:
    """Remove every field of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class ChangeSender:
    """Replace the envelope's sender; None is the null sender."""

    sender: Address | None


@dataclass(frozen=True, slots=True)
class AddRecipient:
    """Add a recipient; it is resolved like any other."""

    address: Address


@dataclass(frozen=True, slots=True)
class RemoveRecipient:
    """Take a recipient out; the peer is answered as if the message had reached it."""

    address: Address


HeaderEdit: TypeAlias = InsertHeader | InsertFields | ReplaceHeader | RemoveHeader
"""What may be changed about the message itself: its header. Bodies are never rewritten."""
Edit: TypeAlias = HeaderEdit | ChangeSender | AddRecipient | RemoveRecipient
"""What a filter may change."""


@dataclass(frozen=True, slots=True)
class Continue:
    """No opinion: the next rule of the chain is asked."""

    reason: str = ""
    detail: str = ""
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Accept:
    """Yes, and no other rule is asked at this stage."""

    reason: str = ""
    detail: str = ""
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """No, for good. The peer gets `text` with a 5xx code."""

    reason: str
    text: str = "Refused"
    code: int = 550
    enhanced: str = "5.7.1"
    detail: str = ""

    @property
    def status(self) -> Status:
        """The answer to the peer."""
        return Status(self.code, self.enhanced, self.text)


@dataclass(frozen=True, slots=True)
class Tempfail:
    """Not now. The peer gets `text` with a 4xx code and tries again."""

    reason: str
    text: str = "Try again later"
    code: int = 451
    enhanced: str = "4.3.0"
    detail: str = ""

    @property
    def status(self) -> Status:
        """The answer to the peer."""
        return Status(self.code, self.enhanced, self.text)


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Answer 421 and close the connection at once."""

    reason: str
    text: str = "Closing connection"
    enhanced: str = "4.7.0"
    detail: str = ""

    @property
    def status(self) -> Status:
        """The answer to the peer. RFC 5321 §3.8."""
        return Status(421, self.enhanced, self.text)


@dataclass(frozen=True, slots=True)
class Discard:
    """Answer 250 and store the message nowhere; the journal keeps the reason."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """File the message into this mailbox of each local recipient instead of running its rules."""

    reason: str
    mailbox: str = "Junk"
    detail: str = ""
    edits: tuple[Edit, ...] = ()


Decision: TypeAlias = Continue | Accept | Reject | Tempfail | Disconnect
MessageDecision: TypeAlias = Decision | Discard | Quarantine
Refusal: TypeAlias = Reject | Tempfail | Disconnect
