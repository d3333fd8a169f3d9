"""From a status of the host to a reply on the wire.

Rules of this file: no status of a plugin breaks a session. A success stays a success, and a refusal
stays a refusal, whatever is wrong with the rest of the status.
"""

from __future__ import annotations

from typing import Final

from thurn.plugin import LOCAL_ERROR, Status
from thurn_wire.error import LocalProtocolError
from thurn_wire.smtp.reply import Reply

_INTERNAL: Final = Reply(LOCAL_ERROR.code, LOCAL_ERROR.enhanced, (LOCAL_ERROR.text,))


def reply_of(status: Status) -> Reply:
    """The final reply for a status; 451 for a code that cannot be a final reply."""
    if not (200 <= status.code < 300 or 400 <= status.code < 600):
        return _INTERNAL
    try:
        return Reply(status.code, status.enhanced, (status.text,))
    except LocalProtocolError:  # the enhanced code is wrong; the peer acts on the class
        return Reply(status.code, f"{status.code // 100}.0.0", (status.text,))


def refusal_of(status: Status) -> Reply:
    """The same for a decision that is not an acceptance: never a positive reply."""
    return reply_of(status) if status.code >= 400 else _INTERNAL


def greeting_refusal(status: Status, hostname: str) -> Reply:
    """The refusal instead of the greeting: 554 if it is permanent, else 421. RFC 5321 §3.1."""
    text = f"{hostname} {status.text}"
    if status.is_permanent:
        return Reply(554, None, (text,))  # RFC 2034 §4: no enhanced code in a greeting
    return Reply(421, None, (text,))
