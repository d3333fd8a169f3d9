"""Every limit of the IMAP engines, with its reason and the least that its RFC requires.

Rules of this file: no limit stands anywhere else but in `thurn_wire.sasl` and
`thurn_wire.linebuffer`; 0 never means "unlimited". A site may change those of `ImapConfig`.
"""

from __future__ import annotations

from typing import Final

LINE_BEFORE_LOGIN_OCTETS: Final = 8_192
"""Octets of all lines of one command before login, with their CRLF; tokens of SASL mechanisms in
AUTHENTICATE fit. RFC 9051 §4 and RFC 7162 §4 require exactly this."""

LINE_OCTETS_FLOOR: Final = 8_192
"""The fewest octets that a site may set for the lines of a command. RFC 9051 §4, RFC 7162 §4."""

LITERAL_BEFORE_LOGIN_OCTETS: Final = 4_096
"""Octets of all literals of one command before login: name and password of LOGIN. Dovecot limits
them to 1,024 and 8,192."""

LINE_OCTETS: Final = 65_536
"""Octets of all lines of one command after login: FETCH with a compacted set of some thousand
messages fits. RFC 9051 §4 requires 8,192; Dovecot reads 64 KiB, Cyrus 128 KiB."""

LITERAL_OCTETS: Final = 131_072
"""Octets of all literals of one command after login, without the messages of APPEND: mailbox names
and search texts. The RFCs name no number."""

LITERALS: Final = 1_000
"""Literals of one command: more than any command has arguments, and each one costs a
continuation."""

APPEND_OCTETS: Final = 67_108_864
"""Octets of the largest message of APPEND, announced as APPENDLIMIT (RFC 7889): the limit of usual
mail servers."""

APPEND_MESSAGES: Final = 1_000
"""Messages of one MULTIAPPEND: all of them are kept until the last has come. RFC 3502 §6.3.11."""

SKIPPED_OCTETS: Final = 1_048_576
"""Octets of a refused non-synchronizing literal that are read and dropped, to stay in step; a
larger one ends the dialogue with BYE. RFC 7888 §4 allows both."""

LITERAL_DIGITS: Final = 19
"""Digits of the size of a literal: 63 bits (RFC 9051 number64), and int() stays cheap."""

LITERAL_MINUS_OCTETS: Final = 4_096
"""Octets of the largest non-synchronizing literal of LITERAL-. RFC 7888 §5 sets exactly this."""

TAG_OCTETS: Final = 64
"""Octets of a tag; clients use under 12. Replies repeat the tag, so this limits amplification,
too."""

NUMBER_DIGITS: Final = 10
"""Digits of message numbers, UIDs and offsets: 32 bits. RFC 3501 §9 (number)."""

NUMBER64_DIGITS: Final = 19
"""Digits of MODSEQ and sizes: 63 bits. RFC 7162 §7, RFC 9051 §9 (number64)."""

SEQUENCE_RANGES: Final = 16_384
"""Ranges of one sequence set: a line of 64 KiB holds at most 13,000 different numbers, which a
client may write to name every second message of many. RFC 9051 §4.1.1 names no number."""

SEARCH_KEYS: Final = 1_000
"""Keys of one SEARCH, nested ones included; clients send under 20."""

NESTING: Final = 100
"""Depth of parentheses, NOT and OR in a command: unlimited depth costs memory (CVE-2026-27857)."""

FETCH_ITEMS: Final = 200
"""Items of one FETCH; clients send under 15, and a list of header fields counts as one."""

REMEMBERED_LISTS: Final = 128
"""Lists of FETCH items that a worker remembers: the clients in use have a few dozen. The table is
emptied when it is full."""

REMEMBERED_OCTETS: Final = 300
"""Octets of the longest list of FETCH items that is remembered: a full table takes some hundred KB
at most."""

SECTION_NUMBERS: Final = 100
"""Numbers of a part specifier: 1.2.3 has three; parsers of messages stop at such depths, too."""

HEADER_NAMES: Final = 200
"""Names of one HEADER.FIELDS list; clients ask for under 30."""

FLAGS: Final = 200
"""Flags of one STORE or APPEND; stores have some 60 keywords for each mailbox."""

FLAG_OCTETS: Final = 255
"""Octets of a flag: every FETCH of FLAGS repeats it."""

LIST_PATTERNS: Final = 100
"""Patterns of one LIST; clients send one to three, and RFC 5258 §3 names no number."""

OPTIONS: Final = 100
"""Options of one list: selection and return options of LIST, items of STATUS, ENABLE, parameters of
SELECT."""

ID_PAIRS: Final = 30
"""Pairs of ID. RFC 2971 §3.3 sets exactly this."""

ID_OCTETS: Final = 4_096
"""Octets of all names and values of one ID. RFC 2971 §3.3 has 30 for a name and 1,024 for a value;
clients that send a longer one identify themselves all the same, and what is written into the log
stays bounded."""

NAME_OCTETS: Final = 5_000
"""Octets of a mailbox name or pattern on the wire; stores have smaller limits, of some 1,000."""

CHUNK_OCTETS: Final = 65_536
"""Octets of a message in one `AppendChunk`: what one receive brings."""

ERRORS: Final = 20
"""Commands in a row that are refused with BAD before BYE; a person's client makes a handful."""

RESPONSE_LINE_OCTETS: Final = 1_048_576
"""Octets of all lines of one response that the client reads: ENVELOPE with thousands of addresses,
SEARCH results of 100,000 messages."""

RESPONSE_LITERALS_OCTETS: Final = 134_217_728
"""Octets of all literals of one response that the client reads, by default: some messages in one
FETCH."""

RESPONSE_VALUES: Final = 1_000_000
"""Values of one response that the client reads, nested lists included."""
