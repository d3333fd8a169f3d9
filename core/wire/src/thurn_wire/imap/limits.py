"""Every limit of the IMAP engines, with its reason and what the RFC demands at least.

Rules of this file: one table, no number of the protocol stands anywhere else; 0 is never "none".
A site may change those of `config.ServerLimits`; the others are the engines'.
"""

from __future__ import annotations

from typing import Final

LINE_BEFORE_LOGIN_OCTETS: Final = 8_192
"""A line before login, its CRLF included: RFC 9051 §4 (RFC 7162 §4 too) asks servers for at least
8,192; tokens of SASL mechanisms in AUTHENTICATE fit."""

SASL_LINE_OCTETS: Final = 12_288
"""A line of a SASL exchange with its CRLF: RFC 4954 §4 names 12,288 for Kerberos tickets; IMAP
says nothing."""

LINE_OCTETS_FLOOR: Final = 8_192
"""What a site cannot go below. RFC 9051 §4, RFC 7162 §4."""

LITERAL_BEFORE_LOGIN_OCTETS: Final = 4_096
"""All literals of one command before login: name and password of LOGIN. Dovecot bounds the same
by 1,024 and 8,192."""

LINE_OCTETS: Final = 65_536
"""All lines of one command after login: FETCH with a compacted set of some thousand messages
fits. RFC 9051 §4 asks for 8,192; Dovecot takes 64 KiB, Cyrus 128 KiB."""

LITERAL_OCTETS: Final = 131_072
"""All literals of one command after login but APPEND's messages: mailbox names, search texts,
later annotations. No RFC minimum."""

LITERALS: Final = 1_000
"""Literals of one command: more than any command has arguments, and each one costs a reply."""

APPEND_OCTETS: Final = 67_108_864
"""A message of APPEND, said as APPENDLIMIT: the bound of usual mail servers. RFC 7889."""

APPEND_MESSAGES: Final = 1_000
"""Messages of one MULTIAPPEND: all of them are held until the last has come. RFC 3502 §6.3.11."""

SKIPPED_OCTETS: Final = 1_048_576
"""A refused non-synchronizing literal up to this size is read away, to stay in step; a larger one
ends the connection with BYE. RFC 7888 §4 allows both."""

LITERAL_DIGITS: Final = 19
"""Digits of a literal's size: 63 bits (RFC 9051 number64), and int() stays cheap."""

LITERAL_MINUS_OCTETS: Final = 4_096
"""The largest non-synchronizing literal of LITERAL-. RFC 7888 §5 sets exactly this."""

TAG_OCTETS: Final = 64
"""A tag; clients use under 12. Tags are in replies, so the bound is on amplification too."""

NUMBER_DIGITS: Final = 10
"""Digits of message numbers, UIDs, offsets: 32 bits. RFC 3501 §9 (number)."""

NUMBER64_DIGITS: Final = 19
"""Digits of MODSEQ and sizes: 63 bits. RFC 7162 §7, RFC 9051 §9 (number64)."""

SEQUENCE_RANGES: Final = 16_384
"""Ranges of one sequence set: of different numbers not more than 13,000 fit a line of 64 KiB, which
is what a client writes that means every second message of many. RFC 9051 §4.1.1 says nothing."""

SEARCH_KEYS: Final = 1_000
"""Keys of one SEARCH, nested ones included. Clients send under 20."""

NESTING: Final = 100
"""Depth of parentheses, NOT and OR in a command. CVE-2026-27857: unbounded depth is memory."""

FETCH_ITEMS: Final = 200
"""Items of one FETCH; clients send under 15, header lists count as one."""

REMEMBERED_LISTS: Final = 128
"""Lists of FETCH that are remembered by a worker: clients in use have a few dozen; the table is
emptied when it is full."""

REMEMBERED_OCTETS: Final = 300
"""The longest list of FETCH that is remembered: some hundred KB for a full table at most."""

SECTION_NUMBERS: Final = 100
"""Numbers of a part specifier: 1.2.3 has three; parsers stop at such depths too."""

HEADER_NAMES: Final = 200
"""Names of one HEADER.FIELDS list."""

FLAGS: Final = 200
"""Flags of one STORE or APPEND; stores hold some 60 keywords a mailbox."""

FLAG_OCTETS: Final = 255
"""A flag or keyword; longer ones would be carried in every FETCH FLAGS."""

LIST_PATTERNS: Final = 100
"""Patterns of one LIST. RFC 5258 §3 says nothing; clients send one to three."""

OPTIONS: Final = 100
"""Options of one list: LIST selection and return options, STATUS items, ENABLE, SELECT
parameters."""

ID_PAIRS: Final = 30
"""Pairs of ID. RFC 2971 §3.3 sets exactly this."""

ID_FIELD_OCTETS: Final = 30
"""A field name of ID. RFC 2971 §3.3."""

ID_VALUE_OCTETS: Final = 1_024
"""A value of ID. RFC 2971 §3.3."""

MECHANISM_OCTETS: Final = 20
"""Letters of a SASL mechanism's name. RFC 4422 §3.1."""

NAME_OCTETS: Final = 5_000
"""A mailbox name or pattern on the wire: stores bound names tighter, at some 1,000 octets."""

CHUNK_OCTETS: Final = 65_536
"""The most of a message that is handed out at once: what one receive brings."""

ERRORS: Final = 20
"""Refused commands in a row before the session is closed with BYE; a person's client makes a
handful."""

CLIENT_LINE_OCTETS: Final = 1_048_576
"""A line of a server's response as the client side takes it: ENVELOPE with thousands of addresses,
SEARCH results of 100,000 messages."""

CLIENT_RESPONSE_OCTETS: Final = 134_217_728
"""All literals of one response as the client side takes it by default: some messages in a FETCH."""

CLIENT_VALUES: Final = 1_000_000
"""Values of one response, nested lists included."""
