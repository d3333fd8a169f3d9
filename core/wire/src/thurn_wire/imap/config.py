"""The settings of the IMAP server engine; `limits` has the reasons of their defaults."""

from __future__ import annotations

from dataclasses import dataclass

from thurn_wire.error import LocalProtocolError
from thurn_wire.imap import limits


@dataclass(frozen=True, slots=True)
class ImapConfig:
    """The settings of a server engine.

    Attributes:
        append_octets: octets of the largest message of APPEND: APPENDLIMIT. RFC 7889.
        append_messages: messages of one MULTIAPPEND.
        line_octets: octets of all lines of one command after login.
        literal_octets: octets of all literals of one command after login.
        line_before_login_octets: octets of all lines of one command before login.
        literal_before_login_octets: octets of all literals of one command before login.
        skipped_octets: octets of a refused command that are read and dropped before BYE.
        errors: refused commands in a row before BYE.
    """

    append_octets: int = limits.APPEND_OCTETS
    append_messages: int = limits.APPEND_MESSAGES
    line_octets: int = limits.LINE_OCTETS
    literal_octets: int = limits.LITERAL_OCTETS
    line_before_login_octets: int = limits.LINE_BEFORE_LOGIN_OCTETS
    literal_before_login_octets: int = limits.LITERAL_BEFORE_LOGIN_OCTETS
    skipped_octets: int = limits.SKIPPED_OCTETS
    errors: int = limits.ERRORS

    def __post_init__(self) -> None:
        # RFC 9051 §4: lines of at least 8,192 octets.
        if min(self.line_octets, self.line_before_login_octets) < limits.LINE_OCTETS_FLOOR:
            raise LocalProtocolError(f"lines: at least {limits.LINE_OCTETS_FLOOR} octets")
        rest = (
            self.append_octets,
            self.append_messages,
            self.literal_octets,
            self.literal_before_login_octets,
            self.skipped_octets,
            self.errors,
        )
        if min(rest) < 1:
            raise LocalProtocolError("every limit: at least 1")
