"""How the server refuses what cannot be a command, so that it stays in step with the client.

Rules of this file: what is refused is read and dropped up to a limit; beyond it the dialogue ends.
RFC 7888 §4 allows both.
"""

from __future__ import annotations

import re
from typing import Final

from thurn_wire.event import Reason
from thurn_wire.imap import limits
from thurn_wire.imap.event import Event
from thurn_wire.imap.fragment import FragmentError
from thurn_wire.imap.reply import Reply, bad
from thurn_wire.imap.session import Session

TAG: Final = re.compile(rb"([!#$&',-\[\]^-z|}~]{1,%d})(?: |\Z)" % limits.TAG_OCTETS)
"""A tag at the beginning of a command. RFC 9051 §9."""


def tag_of(octets: bytes) -> bytes | None:
    """The tag with which a command begins; None if it does not begin with one."""
    match = TAG.match(octets)
    return match[1] if match is not None else None


def refuse_literal(session: Session, tag: bytes | None, reply: Reply) -> Event | None:
    """Refuse a command at the literal that it announces."""
    if session.fragments.refuse(session.config.skipped_octets):
        return session.refuse(tag, reply)
    return session.refuse(tag, reply, Reason.TOO_LARGE)


def unreadable(session: Session, error: FragmentError, tag: bytes | None = None) -> Event | None:
    """Refuse a command whose lines and literals cannot be read."""
    reason = Reason.TOO_LARGE if error.fatal else None
    return session.refuse(tag or tag_of(error.begin), bad(error.text), reason)
