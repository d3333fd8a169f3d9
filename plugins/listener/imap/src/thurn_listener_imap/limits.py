"""Every bound of this listener that is not the engine's (`thurn_wire.imap.limits`).

Rules of this file: one table; each number with its reason; 0 is never "none".
"""

from __future__ import annotations

from typing import Final

IDLE_SECONDS: Final = 1_800.0
"""Silence after login. RFC 9051 §5.4: an autologout timer must be of at least 30 minutes."""
LOGIN_SECONDS: Final = 120.0
"""Silence before login: time for a person to type a password."""
STRANGER_SECONDS: Final = 600.0
"""Until login, whatever is said meanwhile: a stranger who says NOOP, or an octet, now and then
holds a connection no longer. Five attempts at leisure fit."""

RECEIVE_OCTETS: Final = 16_384
"""Of commands at a time; some 500 short ones."""
RECEIVE_LITERAL_OCTETS: Final = 65_536
"""Of a message's literal at a time."""
FLUSH_OCTETS: Final = 65_536
"""Unsent output that is sent before anything more is made."""
ASIDE_OCTETS: Final = 196_608
"""More output made at once waits for its client in a private file. `FLUSH_OCTETS` and a piece,
`WHOLE_OCTETS` and `SUMMARIES_OCTETS`: a client that does not read costs at most 256 KiB."""
WHOLE_OCTETS: Final = 65_536
"""Messages up to here are read in one piece, and several together; larger ones as they are sent,
from their file, or from a private one."""
PIECE_OCTETS: Final = 65_536
"""One read and one send of a larger message."""
SCAN_APART_OCTETS: Final = 1_048_576
"""Larger messages are taken apart in a thread: some milliseconds for each MiB."""
APART: Final = 2
"""Large messages set aside, taken apart or decoded at once by a worker: each is in memory
meanwhile."""
PARTS: Final = 4_096
"""Parts of large messages that a worker remembers: a client fetches such parts piece by piece.
About 1 KiB each; a message has at most 1,000."""

FIRST_BATCH_MESSAGES: Final = 32
"""Of a FETCH, until it is known how large its responses are."""
BATCH_OCTETS: Final = 131_072
"""Responses made together, as far as the last ones tell."""
SUMMARIES_OCTETS: Final = 65_536
"""Of a batch whose messages are read as well; with more, they are answered one by one."""
COLUMNS_OCTETS: Final = 1_048_576
"""Of a batch whose messages are not read; with more, they are answered one by one."""
BATCH_MESSAGES: Final = 500
"""Messages of one look into the store: large enough that its cost vanishes, small enough that the
other sessions of the worker wait some milliseconds only."""
SEARCH_PART_OCTETS: Final = 16_777_216
"""Of one text part, as much is decoded and looked through by SEARCH BODY."""

FAILED_LOGINS: Final = 10
"""Of one connection; then it is closed. A person's client tries twice or three times, a guesser
must come again and meet the bounds of connections and of the login policies. No RFC minimum."""
