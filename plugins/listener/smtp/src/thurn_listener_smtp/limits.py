"""Every bound of this listener that belongs neither to the engine (`thurn_wire.smtp.limits`) nor to
the settings.

Rules of this file: one table; each number has its reason; 0 never means "no bound".
"""

from __future__ import annotations

from typing import Final

RECEIVE_OCTETS: Final = 16_384
"""Octets that are received at once between commands: a group of commands, and no more memory for a
peer that waits."""
RECEIVE_CONTENT_OCTETS: Final = 65_536
"""Octets of content that are received at once; the host's connection returns no more."""
UNCOUNTED_OCTETS: Final = 16_384
"""Octets of a content in memory that the ledger is not asked for: what any connection may have
received at once, and most messages are not larger."""
LATE_SECONDS: Final = 1.0
"""Duration of a step after which replies no longer wait for the rest of their group."""
SLOW_SECONDS: Final = 1.0
"""Pause before each refusal beyond half of `errors`, so that guessing costs the peer time."""
MESSAGE_SECONDS: Final = 600.0
"""Time for the answer to a whole message: as long as the peer waits. RFC 5321 §4.5.3.2.6."""
GREETING_CHARACTERS: Final = 200
"""Characters behind the site's name in the greeting; a reply line has 512 octets."""
FAILED_LOGINS: Final = 10
"""Failed logins of one connection, which is closed then. A person's client tries two or three
times; a guesser has to connect again, where connection bounds and login policies apply. RFC 4954 §4
allows 421 after too many."""
