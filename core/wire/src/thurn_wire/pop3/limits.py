"""Every limit of the POP3 engines, with its reason and the least that its RFC requires.

Rules of this file: no limit stands anywhere else but in `thurn_wire.sasl` and
`thurn_wire.linebuffer`; 0 never means "unlimited".
"""

from __future__ import annotations

from typing import Final

COMMAND_LINE_OCTETS: Final = 255
"""Octets of a command line with its CRLF. RFC 2449 §4 sets exactly this; RFC 1939 §3 had 47."""

REPLY_LINE_OCTETS: Final = 512
"""Octets of the first line of a reply that the server sends, with its CRLF; longer texts are cut.
RFC 1939 §3, RFC 2449 §4."""

NUMBER_DIGITS: Final = 10
"""Digits of a message number, or of the lines of TOP: 2^32 fits, and int() stays cheap. RFC 1939
names no number."""

UID_OCTETS: Final = 70
"""Octets of a unique-id; each is 0x21 to 0x7E. RFC 1939 §7 (UIDL) sets exactly this."""

DIGEST_DIGITS: Final = 32
"""Hexadecimal digits of the digest of APOP. RFC 1939 §7 (APOP)."""

ERRORS: Final = 20
"""Refused commands and failed logins of one session before it is closed; a person's client makes a
handful, and Postfix closes after 20. The RFCs name no number."""

COMMANDS_BEFORE_LOGIN: Final = 100
"""Commands of one session before login (CAPA, USER, STLS) before it is closed; a client needs
under ten, and Postfix limits useless commands to 100. The RFCs name no number."""

OUTPUT_OCTETS: Final = 131_072
"""Octets of unsent output from which `next_event` returns OUTPUT_FULL: a client that asks and does
not read costs this much and one reply."""

REPLY_LINE_READ_OCTETS: Final = 4_096
"""Octets of the first line of a reply that the client reads; RFC 1939 §3 sets 512, and servers send
more."""

BODY_OCTETS: Final = 67_108_864
"""Octets of a multi-line reply that the client reads, by default: more than every usual limit of
messages."""
