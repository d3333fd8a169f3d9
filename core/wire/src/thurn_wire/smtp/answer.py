"""The replies that the server engine gives by itself, and the usual positive ones.

Rules of this file: texts are generic and short; the greeting and the answers to hello have no
enhanced code, nor has anything below 400 that asks for more (RFC 2034 §4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from thurn_wire.smtp.config import Profile, SmtpConfig
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.state import Input, State

USUAL: Final[Mapping[Input, Reply]] = {
    Input.MAIL: Reply(250, "2.1.0", ("Ok",)),
    Input.RCPT: Reply(250, "2.1.5", ("Ok",)),
    Input.DATA: Reply(354, None, ("End data with <CR><LF>.<CR><LF>",)),
    Input.BDAT: Reply(354, None, ("Go on",)),
    Input.MESSAGE_ENDED: Reply(250, "2.0.0", ("Ok",)),
    Input.STARTTLS: Reply(220, "2.0.0", ("Ready to start TLS",)),
    Input.AUTH: Reply(235, "2.7.0", ("Authentication successful",)),
    Input.VRFY: Reply(252, "2.0.0", ("Cannot verify, but will try to deliver",)),
    Input.EXPN: Reply(252, "2.0.0", ("Cannot expand",)),
}
"""What `accept` says."""

RESET: Final = Reply(250, "2.0.0", ("Reset",))
NOOP: Final = Reply(250, "2.0.0", ("Ok",))
HELP: Final = Reply(214, "2.0.0", ("RFC 5321",))
CHUNK_TAKEN: Final = Reply(250, "2.0.0", ("Chunk taken",))

UNKNOWN: Final = Reply(500, "5.5.1", ("Unknown command",))
LINE_TOO_LONG: Final = Reply(500, "5.5.2", ("Line too long",))
BARE_LINE_END_IN_COMMAND: Final = Reply(500, "5.5.2", ("CR or LF alone in a command",))
NOT_OFFERED: Final = Reply(502, "5.5.1", ("Not available",))
TLS_ACTIVE: Final = Reply(503, "5.5.1", ("TLS is active already",))
AUTHENTICATED: Final = Reply(503, "5.5.1", ("Authenticated already",))
TLS_FIRST: Final = Reply(538, "5.7.11", ("Encryption required: STARTTLS first",))
UNKNOWN_MECHANISM: Final = Reply(504, "5.5.4", ("Mechanism not available",))
AUTH_CANCELLED: Final = Reply(501, "5.7.0", ("Authentication cancelled",))
AUTH_LINE_TOO_LONG: Final = Reply(500, "5.5.6", ("Authentication line too long",))
TOO_MANY_RECIPIENTS: Final = Reply(452, "4.5.3", ("Too many recipients",))
TOO_LARGE: Final = Reply(552, "5.3.4", ("Message too large",))
BARE_LINE_ENDS: Final = Reply(550, "5.5.2", ("CR or LF alone in the message",))
NOT_HTTP: Final = Reply(554, "5.5.1", ("This is SMTP",))
TOO_MANY_ERRORS: Final = Reply(421, "4.7.0", ("Too many errors, goodbye",))
DRAINING: Final = Reply(421, "4.3.2", ("Service closing, try again later",))

HTTP_METHODS: Final = frozenset(
    {
        b"GET",
        b"POST",
        b"PUT",
        b"HEAD",
        b"DELETE",
        b"OPTIONS",
        b"CONNECT",
        b"TRACE",
        b"PATCH",
        b"PRI",
    }
)
"""First words by which a browser or proxy is known (cross-protocol attacks, ALPACA)."""


def greeting(config: SmtpConfig, text: tuple[str, ...]) -> Reply:
    """220 with our name first. RFC 5321 §4.2."""
    kind = "LMTP" if config.profile is Profile.LMTP else "ESMTP"
    return Reply(220, None, (" ".join((config.hostname, kind, *text)),))


def goodbye(config: SmtpConfig) -> Reply:
    """221 to QUIT. RFC 5321 §4.1.1.10."""
    return Reply(221, "2.0.0", (f"{config.hostname} closing",))


def out_of_sequence(state: State, given: Input, *, refused: bool) -> Reply:
    """503; 554 for content when every recipient was refused. RFC 5321 §3.3.

    Args:
        state: where the dialogue is.
        given: the command.
        refused: there were recipients, all refused, and the dialect may say 554.
    """
    if state is State.TURNED_AWAY:  # RFC 5321 §3.1
        text = "No service here"
    elif state is State.START:
        text = "Say hello first"
    elif given in {Input.DATA, Input.BDAT} and state is State.SENDER and refused:
        return Reply(554, "5.5.1", ("No valid recipients",))
    else:
        text = _WANTED.get((state, given), "Not inside a transaction")
    return Reply(503, "5.5.1", (text,))


_WANTED: Final[Mapping[tuple[State, Input], str]] = {
    (State.READY, Input.RCPT): "MAIL first",
    (State.READY, Input.DATA): "MAIL first",
    (State.READY, Input.BDAT): "MAIL first",
    (State.SENDER, Input.DATA): "RCPT first",
    (State.SENDER, Input.BDAT): "RCPT first",
    (State.CHUNKS, Input.DATA): "BDAT has begun",
    (State.CHUNKS, Input.RCPT): "BDAT has begun",
}
