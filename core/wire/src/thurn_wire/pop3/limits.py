"""Every limit of the POP3 engines, with its reason and what the RFC demands at least.

Rules of this file: one table, no number of the protocol stands anywhere else; 0 is never "none".
"""

from __future__ import annotations

from typing import Final

COMMAND_OCTETS: Final = 255
"""A command line with its CRLF. RFC 2449 §4 sets exactly this; RFC 1939 §3 had 47."""

REPLY_OCTETS: Final = 512
"""The first line of a reply with its CRLF; longer texts are cut. RFC 1939 §3, RFC 2449 §4."""

AUTH_OCTETS: Final = 12_288
"""A line of a SASL exchange with its CRLF, and AUTH with its initial response. RFC 5034 §4 asks for
room for what the mechanisms send; tokens and Kerberos tickets pass 4 KiB, RFC 4954 §4 names 12,288.
Before login this is the most that is kept of one line."""

NUMBER_DIGITS: Final = 10
"""Digits of a message number or of TOP's lines: 2^32 fits, and int() stays cheap. RFC 1939 says
nothing."""

MECHANISM_OCTETS: Final = 20
"""Letters of a SASL mechanism's name. RFC 4422 §3.1."""

UID_OCTETS: Final = 70
"""A unique-id has 1 to 70 octets from 0x21 to 0x7E. RFC 1939 §7 (UIDL)."""

DIGEST_DIGITS: Final = 32
"""Hexadecimal digits of APOP's digest. RFC 1939 §7 (APOP)."""

ERRORS: Final = 20
"""Refused commands and failed logins of one session before it is closed; a person's client makes a
handful, Postfix closes after 20. No RFC minimum."""

IDLE_COMMANDS: Final = 100
"""Commands before login of one session (CAPA, USER, STLS …) before it is closed; a client needs
under ten. Postfix bounds useless commands at 100. No RFC minimum."""

OUTPUT_OCTETS: Final = 131_072
"""Unsent output from which `next_event` says OUTPUT_FULL: more is only made once this is sent, so a
client that asks and does not read costs this much and one reply."""

CLIENT_LINE_OCTETS: Final = 4_096
"""The first line of a reply as the client side takes it; RFC 1939 §3 says 512, servers send more.
Lines of a SASL exchange have `AUTH_OCTETS`."""

CLIENT_MESSAGE_OCTETS: Final = 67_108_864
"""A multi-line reply as the client side takes it by default: above every usual message bound."""
