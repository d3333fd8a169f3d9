"""Every bound of this listener that belongs neither to the engine (`thurn_wire.pop3.limits`) nor to
the settings.

Rules of this file: one table; each number has its reason; 0 never means "no bound".
"""

from __future__ import annotations

from typing import Final

AUTOLOGOUT_SECONDS: Final = 600.0
"""Least silence that may end a session, and the default. RFC 1939 §3 requires an autologout timer
of at least ten minutes."""

LOGIN_SECONDS: Final = 180.0
"""Silence before login that ends a session, by default: clients connect first and then ask the
person for the password, who may have to look it up. The autologout of RFC 1939 §3 is about
sessions with a maildrop."""

RECEIVE_OCTETS: Final = 16_384
"""Octets of commands that are received at once; some 2,000 short commands."""
FLUSH_OCTETS: Final = 65_536
"""Octets of gathered output beyond which it is sent before more is made."""
WHOLE_OCTETS: Final = 65_536
"""Octets of a content up to which it is sent in one piece; larger ones are sent while they are
read."""
PIECE_OCTETS: Final = 65_536
"""Octets of one read and one send: many enough that their cost does not count, few enough that
other sessions have their turn."""

LOCK_SECONDS: Final = 60.0
"""How long a maildrop stays locked after a crash; clients look once a minute, or less often."""
RENEW_SECONDS: Final = 20.0
"""Time between two renewals of a lock, so that two of them may be missed."""
RELEASE_SECONDS: Final = 5.0
"""How long the end of a session waits for shared state; the lock ends by itself later."""

FAILED_LOGINS: Final = 10
"""Failed logins of one connection, which is closed then. A person's client tries two or three
times; a guesser has to connect again, where connection bounds and login policies apply. The
standards name no minimum."""
