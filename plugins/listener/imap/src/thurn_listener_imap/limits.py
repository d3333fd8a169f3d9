"""Every bound of this listener that does not belong to the engine (`thurn_wire.imap.limits`).

Rules of this file: one table; each number has its reason; 0 never means "no bound".
"""

from __future__ import annotations

from typing import Final

IDLE_SECONDS: Final = 1_800.0
"""Least silence after login that may end a session, and the default. RFC 9051 §5.4 requires an
autologout timer of at least 30 minutes."""
LOGIN_SECONDS: Final = 180.0
"""Silence before login that ends a session: clients connect first and then ask the person for the
password, who may have to look it up. RFC 9051 §5.4 bounds sessions after login only."""
STRANGER_SECONDS: Final = 600.0
"""Longest time from connection to login: a stranger who sends NOOP, or an octet, now and then must
not hold a connection for longer. Five attempts to log in fit without haste."""

RECEIVE_OCTETS: Final = 16_384
"""Octets of commands that are received at once; some 500 short commands."""
RECEIVE_LITERAL_OCTETS: Final = 65_536
"""Octets of a message's literal that are received at once."""
FLUSH_OCTETS: Final = 65_536
"""Octets of gathered output beyond which it is sent before more is made."""
ASIDE_OCTETS: Final = 196_608
"""Octets of output made at once beyond which it waits for its client in a private file. It is
`FLUSH_OCTETS` and a piece, `WHOLE_OCTETS` and `SUMMARIES_OCTETS`: a client that does not read costs
at most 256 KiB."""
WHOLE_OCTETS: Final = 65_536
"""Octets of a message up to which it is read in one piece, and several together. Larger messages
are read while they are sent, from their file or from a private one."""
PIECE_OCTETS: Final = 65_536
"""Octets of one read and one send of a larger message."""
SCAN_APART_OCTETS: Final = 1_048_576
"""Octets of a message beyond which it is scanned in a thread, since a MiB takes milliseconds."""
APART: Final = 2
"""Large messages that a worker sets aside, scans or decodes at a time; each is in memory
meanwhile."""
PARTS: Final = 4_096
"""Parts of large messages that a worker remembers, since clients fetch such parts piece by piece.
A part takes about 1 KiB; a message has at most 1,000."""

FIRST_BATCH_MESSAGES: Final = 32
"""Messages in the first batch of a FETCH, when the size of its responses is not known yet."""
BATCH_OCTETS: Final = 131_072
"""Octets of responses that are made together, judged by the size of the last ones."""
SUMMARIES_OCTETS: Final = 65_536
"""Octets of summaries in a batch whose messages are read as well; with more of them, the messages
are answered one by one."""
COLUMNS_OCTETS: Final = 1_048_576
"""Octets of summaries in a batch whose messages are not read; with more of them, the messages are
answered one by one."""
BATCH_MESSAGES: Final = 500
"""Messages of one call of the store: enough that the cost of a call does not count, few enough that
the other sessions of the worker wait only milliseconds."""
CHANGE_MESSAGES: Final = 2_000
"""Messages that STORE and EXPUNGE change with one record of the store: enough that the cost of a
record does not count, few enough that the other sessions of the worker wait only milliseconds."""
LOOK_MESSAGES: Final = 16_384
"""Messages among which EXPUNGE looks for deleted ones at once, which takes a millisecond."""
SEARCH_PART_OCTETS: Final = 16_777_216
"""Octets of one text part that SEARCH BODY decodes and searches."""

ROW_OCTETS: Final = 4_096
"""Octets on the disk that a copied message, or a new mailbox, may take besides its body: a page of
an index, and its record in the log."""

FAILED_LOGINS: Final = 10
"""Failed logins of one connection, which is closed then. A person's client tries two or three
times; a guesser has to connect again, where connection bounds and login policies apply. The
standards name no minimum."""
