"""The replies that the server engine gives by itself, and the usual positive ones.

Rules of this file: texts are generic and short. Greetings, answers to EHLO and replies that ask for
more (3xx) have no enhanced code (RFC 2034 §4).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from thurn_wire.smtp.config import Profile, SmtpConfig
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.state import State, Step

USUAL: Final[Mapping[Step, Reply]] = {
    Step.MAIL: Reply(250, "2.1.0", ("Ok",)),
    Step.RCPT: Reply(250, "2.1.5", ("Ok",)),
    Step.DATA: Reply(354, None, ("End data with <CR><LF>.<CR><LF>",)),
    Step.BDAT: Reply(354, None, ("Go on",)),
    Step.MESSAGE_ENDED: Reply(250, "2.0.0", ("Ok",)),
    Step.STARTTLS: Reply(220, "2.0.0", ("Ready to start TLS",)),
    Step.AUTH: Reply(235, "2.7.0", ("Authentication successful",)),
    Step.VRFY: Reply(252, "2.0.0", ("Cannot verify, but will try to deliver",)),
    Step.EXPN: Reply(252, "2.0.0", ("Cannot expand",)),
}
"""The replies of `accept`, by the step that is awaited."""

RESET: Final = Reply(250, "2.0.0", ("Reset",))
NOOP: Final = Reply(250, "2.0.0", ("Ok",))
HELP: Final = Reply(214, "2.0.0", ("RFC 5321",))
CHUNK_SYNTAX: Final = Reply(501, "5.5.4", ("Syntax: BDAT size [LAST]",))
CHUNK_WITHOUT_SIZE: Final = Reply(421, "4.5.4", ("BDAT without its size, closing",))
CHUNK_TAKEN: Final = Reply(250, "2.0.0", ("Chunk taken",))

BEHIND_HELLO: Final = Reply(503, "5.5.1", ("EHLO is the last command of a group",))
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


def greeting(config: SmtpConfig, text: tuple[str, ...]) -> Reply:
    """220 with the name of the host in front. RFC 5321 §4.2."""
    kind = "LMTP" if config.profile is Profile.LMTP else "ESMTP"
    return Reply(220, None, (" ".join((config.hostname, kind, *text)),))


def goodbye(config: SmtpConfig) -> Reply:
    """221 to QUIT. RFC 5321 §4.1.1.10."""
    return Reply(221, "2.0.0", (f"{config.hostname} closing",))


def out_of_sequence(state: State, step: Step, *, all_refused: bool) -> Reply:
    """503; 554 for content when every recipient was refused. RFC 5321 §3.3.

    Args:
        state: where the dialogue is.
        step: the command.
        all_refused: there were recipients, all were refused, and the dialect has 554 for that.
    """
    if state is State.TURNED_AWAY:  # RFC 5321 §3.1
        text = "No service here"
    elif state is State.START:
        text = "Say hello first"
    elif all_refused and state is State.SENDER and step in {Step.DATA, Step.BDAT}:
        return Reply(554, "5.5.1", ("No valid recipients",))
    else:
        text = _WANTED.get((state, step), "Not inside a transaction")
    return Reply(503, "5.5.1", (text,))


_WANTED: Final[Mapping[tuple[State, Step], str]] = {
    (State.READY, Step.RCPT): "MAIL first",
    (State.READY, Step.DATA): "MAIL first",
    (State.READY, Step.BDAT): "MAIL first",
    (State.SENDER, Step.DATA): "RCPT first",
    (State.SENDER, Step.BDAT): "RCPT first",
    (State.CHUNKS, Step.DATA): "BDAT has begun",
    (State.CHUNKS, Step.RCPT): "BDAT has begun",
}
