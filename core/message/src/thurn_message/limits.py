"""Every bound of the readers in this distribution, in one table; no value means "unlimited".

Past a bound the result is an opaque part or a shorter list, never an exception and never more time.
`Scan.limits_reached` and `AddressList.doubts` name what was left out.
"""

from __future__ import annotations

from typing import Final

MAX_HEADER_OCTETS: Final = 262_144
"""Octets of one header that are searched for fields. Real headers stay under 100 kB; Postfix
accepts 102,400 by default."""

MAX_HEADER_FIELDS: Final = 5_000
"""Fields of one header that are listed. A message that was signed and sealed at each of 100 hops
has about 1,000."""

MAX_DEPTH: Final = 100
"""Levels of multipart and message/rfc822 that are taken apart; deeper containers are opaque. Real
mail has under 10 levels; Dovecot has the same limit."""

MAX_PARTS: Final = 1_000
"""Parts of one message; where a multipart reaches the bound, its rest becomes one opaque part.
Digests and photo albums have hundreds."""

SCAN_FACTOR: Final = 16
"""Number of times that the octets of a message may be searched for boundaries and line ends. Each
level searches its content once; real mail with large content has under 10 levels."""

SCAN_FLOOR_OCTETS: Final = 6_553_600
"""Octets that may be searched in every message, however small: `MAX_DEPTH` levels of 64 KiB."""

LOOKALIKE_OCTETS: Final = 1_000
"""Octets of that allowance that a line costs which begins like a delimiter but is not one: each
such line stops the fast search."""

MAX_BOUNDARY_OCTETS: Final = 10_000
"""Length of a boundary in octets; a longer one is ignored. RFC 2046 §5.1.1 allows 70; collections
of odd mail have boundaries of 7,000."""

MAX_PARAMETERS: Final = 500
"""Parameters of one field that are listed. Agents cut long file names into many parameters of
about 60 octets (RFC 2231 §3)."""

MAX_ADDRESSES: Final = 2_000
"""Addresses and groups of one field that are listed. Servers accept 100 to 1,000 recipients for
one message (RFC 5321 §4.5.3.1.8)."""

MAX_ENCODED_WORDS: Final = 1_000
"""Encoded words of one text that are decoded; later ones stay as they are. So many words hold up
to 75,000 octets, far more than a subject or a name needs."""

MAX_MESSAGE_IDS: Final = 1_000
"""Message ids of one field that are listed; agents keep under 100 in References."""

MAX_DATE_OCTETS: Final = 200
"""Length of a date in octets; a longer one is not read. Real dates have about 50 with zone and
comment."""

MAX_SECTION_OCTETS: Final = 1_024
"""Length of a section name in octets; a longer one names no section. `MAX_DEPTH` part numbers up
to `MAX_PARTS` fit in half of it."""
