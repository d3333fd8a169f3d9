"""What a server engine is told once: name, profile, limits, extensions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from thurn_wire.smtp import limits
from thurn_wire.smtp.error import LocalProtocolError
from thurn_wire.smtp.extension import Extension


class Profile(Enum):
    """Which dialect is spoken."""

    SMTP = "smtp"
    SUBMISSION = "submission"
    """SMTP with another port's rules, which are the session's: RFC 6409."""
    LMTP = "lmtp"
    """LHLO, and one reply per recipient after the content. RFC 2033."""


@dataclass(frozen=True, slots=True)
class SmtpConfig:
    """The settings of a server engine; limits and reasons are in `limits`.

    Attributes:
        hostname: what greeting and EHLO reply say.
        profile: the dialect.
        size_octets: the largest message, said in EHLO.
        spill_octets: content beyond this is handed over in `DataChunk`s; None: never.
        recipients: accepted recipients of one message.
        errors, junk: bounds of useless commands.
        chunking, smtputf8: whether the extension is offered.
        verify: VRFY and EXPN become events; otherwise the engine answers 252 and 502.
        extensions: keywords and parameters beyond those that the engine knows.
    """

    hostname: str
    profile: Profile = Profile.SMTP
    size_octets: int = limits.MESSAGE_OCTETS
    spill_octets: int | None = limits.SPILL_OCTETS
    recipients: int = limits.RECIPIENTS
    errors: int = limits.ERRORS
    junk: int = limits.JUNK
    chunking: bool = True
    smtputf8: bool = True
    verify: bool = False
    extensions: tuple[Extension, ...] = ()

    def __post_init__(self) -> None:
        if self.recipients < limits.RECIPIENTS_FLOOR:  # RFC 5321 §4.5.3.1.8
            raise LocalProtocolError(f"recipients: at least {limits.RECIPIENTS_FLOOR}")
        if self.size_octets < limits.MESSAGE_OCTETS_FLOOR:  # RFC 5321 §4.5.3.1.7
            raise LocalProtocolError(f"size_octets: at least {limits.MESSAGE_OCTETS_FLOOR}")
        spill = 1 if self.spill_octets is None else self.spill_octets
        if min(self.errors, self.junk, spill) < 1:
            raise LocalProtocolError("errors, junk, spill_octets: at least 1")
