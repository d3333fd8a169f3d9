"""The settings of the SMTP server engine; `limits` has the reasons of their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from thurn_wire.error import LocalProtocolError
from thurn_wire.smtp import limits
from thurn_wire.smtp.capability import Extension


class Profile(Enum):
    """The dialect that an engine speaks."""

    SMTP = "smtp"
    SUBMISSION = "submission"
    """SMTP on another port; its different rules are the session's. RFC 6409."""
    LMTP = "lmtp"
    """LHLO in place of EHLO, and one reply per recipient after the content. RFC 2033."""


@dataclass(frozen=True, slots=True)
class SmtpConfig:
    """The settings of a server engine.

    Attributes:
        hostname: the name in the greeting and in the answer to EHLO.
        profile: the dialect.
        size_octets: the largest message, announced by EHLO.
        spill_octets: content beyond this is returned in `DataChunk`s; None: never.
        recipients: accepted recipients of one message.
        errors: refused commands before 421.
        junk: commands without effect between two accepted messages before 421.
        chunking: BDAT is offered.
        smtputf8: SMTPUTF8 is offered.
        normalizes_line_ends: a lone CR or LF in the content of DATA becomes a CRLF, instead of a
            reason to refuse. BDAT sends octets as they are, so there it stays one.
        verify: VRFY and EXPN are events; otherwise the engine answers 252 and 502.
        extensions: keywords and parameters that the engine does not know by itself.
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
    normalizes_line_ends: bool = False
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
