"""Every bound of the readers in this distribution, in one table; none of them means "unlimited".

Past a bound there is an opaque part or a shorter list, never an exception and never more time.
What was left out is said by `Scan.limits_reached` and `AddressList.doubts`.
"""

from __future__ import annotations

from typing import Final

MAX_HEADER_OCTETS: Final = 262_144
"""Octets of one header in which fields are looked for. Real headers stay under 100 kB; Postfix
takes 102,400 by default."""

MAX_HEADER_FIELDS: Final = 5_000
"""Fields of one header that are listed. A message that has passed 100 hops, signed and sealed at
each, has about 1,000."""

MAX_DEPTH: Final = 100
"""Levels of multipart and message/rfc822; deeper containers are opaque. Real mail has under 10;
the same number as Dovecot's."""

MAX_PARTS: Final = 1_000
"""Parts of a message; where the bound is met, the rest of that multipart is one opaque part.
Digests and photo albums have hundreds."""

SCAN_FACTOR: Final = 16
"""How often the octets of a message may be passed over in search of boundaries and line ends. Each
level passes over its content once; real mail with large content has under 10 levels."""

SCAN_FLOOR_OCTETS: Final = 6_553_600
"""Octets that may be passed over in any case: `MAX_DEPTH` levels of 64 KiB."""

LOOKALIKE_OCTETS: Final = 1_000
"""What a line that begins like a delimiter and is none costs of that allowance, in octets."""

MAX_BOUNDARY_OCTETS: Final = 10_000
"""A longer boundary is no boundary. RFC 2046 §5.1.1 allows 70; collections of odd mail have
7,000."""

MAX_PARAMETERS: Final = 500
"""Parameters of one field that are listed; RFC 2231 cuts long file names into pieces of 60."""

MAX_ADDRESSES: Final = 2_000
"""Addresses and groups of one field that are listed; the rest is not. Messages go to
100 to 1,000 recipients (RFC 5321 §4.5.3.1.8)."""

MAX_ENCODED_WORDS: Final = 1_000
"""Encoded words of one text that are decoded, 75,000 octets of them; others stay as they are."""

MAX_MESSAGE_IDS: Final = 1_000
"""Message ids of one field; agents keep under 100 in References."""

MAX_DATE_OCTETS: Final = 200
"""A longer date is no date; with zone and comment real ones have 50."""

MAX_SECTION_OCTETS: Final = 1_024
"""A longer section name names nothing: `MAX_DEPTH` numbers of `MAX_PARTS` fit in half of it."""
