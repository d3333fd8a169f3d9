"""Every limit of the SMTP engines: one table, each with its reason and what the RFC demands.

Rules of this file: no limit stands anywhere else; none is "unlimited" at 0; what a site may set is
in `SmtpConfig`, whose defaults and floors are here.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Limit(NamedTuple):
    """One row of the table."""

    name: str
    value: int
    minimum: int | None
    """What the RFC demands at least; None: it says nothing."""
    place: str
    reason: str


_rows: list[Limit] = []


def _limit(name: str, value: int, minimum: int | None, place: str, reason: str) -> int:
    _rows.append(Limit(name, value, minimum, place, reason))
    return value


COMMAND_LINE_OCTETS: Final = _limit(
    "COMMAND_LINE_OCTETS",
    512,
    512,
    "RFC 5321 §4.5.3.1.4",
    "a command with its CRLF; everything but MAIL, RCPT and AUTH fits the RFC's figure",
)
PATH_LINE_OCTETS: Final = _limit(
    "PATH_LINE_OCTETS",
    2_000,
    512,
    "RFC 5321 §4.5.3.1.4, RFC 1870 §3, RFC 4954 §5, RFC 3461 §5",
    "MAIL and RCPT with parameters: SIZE adds 26, AUTH 500, DSN 500, SMTPUTF8 10, RRVS and others; "
    "the sum of all registered extensions stays below",
)
AUTH_LINE_OCTETS: Final = _limit(
    "AUTH_LINE_OCTETS",
    12_288,
    12_288,
    "RFC 4954 §4",
    "AUTH with an initial response, and each line of the exchange: tickets and tokens are long",
)
REPLY_LINE_OCTETS: Final = _limit(
    "REPLY_LINE_OCTETS",
    512,
    512,
    "RFC 5321 §4.5.3.1.5",
    "what we send; longer texts are cut, so that every client can read them",
)
REPLY_LINES: Final = _limit(
    "REPLY_LINES",
    100,
    None,
    "RFC 5321 §4.2.1",
    "lines of one reply, sent or taken: an EHLO reply has under 30",
)
REPLY_LINE_TAKEN_OCTETS: Final = _limit(
    "REPLY_LINE_TAKEN_OCTETS",
    2_048,
    512,
    "RFC 5321 §4.5.3.1.5",
    "what the client takes: servers with links in their texts pass 512",
)
RECIPIENTS: Final = _limit(
    "RECIPIENTS",
    1_000,
    100,
    "RFC 5321 §4.5.3.1.8",
    "default of accepted recipients of one message; Postfix has 1,000, lists split at 50 to 500",
)
RECIPIENTS_FLOOR: Final = _limit(
    "RECIPIENTS_FLOOR",
    100,
    100,
    "RFC 5321 §4.5.3.1.8",
    "a site may not set fewer: the RFC forbids it",
)
RECIPIENTS_OVERSHOOT: Final = _limit(
    "RECIPIENTS_OVERSHOOT",
    1_000,
    None,
    "RFC 5321 §7.8",
    "RCPT past the bound that are answered with 452 only; each later one is an error as well, so "
    "that a flood ends. Postfix has 1,000",
)
MESSAGE_OCTETS: Final = _limit(
    "MESSAGE_OCTETS",
    52_428_800,
    65_536,
    "RFC 5321 §4.5.3.1.7",
    "default of the largest message: 50 MiB carries a 36 MiB attachment in base64",
)
MESSAGE_OCTETS_FLOOR: Final = _limit(
    "MESSAGE_OCTETS_FLOOR",
    65_536,
    65_536,
    "RFC 5321 §4.5.3.1.7",
    "a site may not set less: 64 KiB must be taken",
)
SPILL_OCTETS: Final = _limit(
    "SPILL_OCTETS",
    1_048_576,
    None,
    "no RFC",
    "default amount from which content is handed over in pieces: bounds memory per connection",
)
SIZE_DIGITS: Final = _limit(
    "SIZE_DIGITS",
    20,
    20,
    "RFC 1870 §4",
    "digits of SIZE= and of BDAT: the grammar's bound",
)
INTEGER_DIGITS: Final = _limit(
    "INTEGER_DIGITS",
    19,
    None,
    "RFC 1870 §4",
    "digits that are converted; all of 63 bits, and int() stays cheap",
)
CHUNK_OCTETS: Final = _limit(
    "CHUNK_OCTETS",
    2**63 - 1,
    None,
    "RFC 3030 §2",
    "largest BDAT that is read away; above it the announcement is a syntax error",
)
MECHANISM_OCTETS: Final = _limit(
    "MECHANISM_OCTETS",
    20,
    20,
    "RFC 4422 §3.1",
    "letters of a SASL mechanism's name",
)
ERRORS: Final = _limit(
    "ERRORS",
    20,
    None,
    "RFC 5321 §7.8",
    "refusals by the engine, and those the session counts, before 421; Postfix has 20",
)
JUNK: Final = _limit(
    "JUNK",
    100,
    None,
    "RFC 5321 §7.8",
    "commands that do no work (NOOP, RSET, VRFY, EXPN, HELP, repeated EHLO, BDAT 0) between two "
    "accepted messages before 421; Postfix has 100",
)

TABLE: Final = tuple(_rows)
