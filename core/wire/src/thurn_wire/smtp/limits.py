"""Every limit of the SMTP engines, with its reason and the least that its RFC requires.

Rules of this file: no limit stands anywhere else but in `thurn_wire.sasl` and
`thurn_wire.linebuffer`; 0 never means "unlimited". A site may change those of `SmtpConfig`.
"""

from __future__ import annotations

from typing import Final

COMMAND_LINE_OCTETS: Final = 512
"""Octets of a command line with its CRLF; every command but MAIL, RCPT and AUTH fits the figure of
RFC 5321 §4.5.3.1.4."""

PATH_LINE_OCTETS: Final = 2_000
"""Octets of a MAIL or RCPT line with its CRLF. RFC 5321 §4.5.3.1.4 requires 512, and extensions add
to that: SIZE 26 (RFC 1870 §3), AUTH 500 (RFC 4954 §5), DSN 500 (RFC 3461 §5), SMTPUTF8 10; the sum
of all registered extensions stays below."""

REPLY_LINE_OCTETS: Final = 512
"""Octets of a reply line that the server sends, with its CRLF; longer texts are cut, so that every
client can read them. RFC 5321 §4.5.3.1.5 requires exactly this."""

REPLY_LINES: Final = 100
"""Lines of one reply, sent or read; an answer to EHLO has under 30. RFC 5321 §4.2.1 names no
number."""

REPLY_LINE_READ_OCTETS: Final = 2_048
"""Octets of a reply line that the client reads; RFC 5321 §4.5.3.1.5 requires 512, and servers with
links in their texts send more."""

RECIPIENTS: Final = 1_000
"""Accepted recipients of one message by default; Postfix has 1,000, and mailing lists split at 50
to 500. RFC 5321 §4.5.3.1.8 requires 100."""

RECIPIENTS_FLOOR: Final = 100
"""The fewest recipients that a site may set. RFC 5321 §4.5.3.1.8."""

RECIPIENTS_OVERSHOOT: Final = 1_000
"""RCPT commands beyond the limit that are answered 452 and do not count as errors; later ones do,
so that a flood ends. Postfix has 1,000."""

MESSAGE_OCTETS: Final = 52_428_800
"""Octets of the largest message by default: 50 MiB holds an attachment of 36 MiB in base64.
RFC 5321 §4.5.3.1.7 requires 64 KiB."""

MESSAGE_OCTETS_FLOOR: Final = 65_536
"""The smallest size limit that a site may set. RFC 5321 §4.5.3.1.7."""

SPILL_OCTETS: Final = 1_048_576
"""Octets of content in memory from which the engine returns it in parts, by default: the most
memory that one connection takes."""

SIZE_DIGITS: Final = 20
"""Digits of SIZE= and of the size of BDAT. RFC 1870 §4 allows exactly this."""

INTEGER_DIGITS: Final = 19
"""Digits that are converted to an integer, zeros in front not counted: all of 63 bits, and int()
stays cheap."""

CHUNK_OCTETS: Final = 2**63 - 1
"""Octets of the largest BDAT; a larger announcement is a syntax error, since its octets could not
be counted."""

ERRORS: Final = 20
"""Refusals by the engine, and those that the session counts, before 421; Postfix has 20, and
RFC 5321 §7.8 leaves the number to the server."""

JUNK: Final = 100
"""Commands without effect (NOOP, RSET, VRFY, EXPN, HELP, repeated EHLO, BDAT 0) between two
accepted messages before 421; Postfix has 100, and RFC 5321 §7.8 leaves the number to the server."""
