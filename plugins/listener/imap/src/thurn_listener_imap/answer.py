"""How a command ends: its tagged answer, and the exception that ends it early.

Rules of this file: an answer is a `Reply` of `thurn_wire`; these are the words that commands use.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from thurn_wire.imap.reply import Reply, bad, no, ok

Answer: TypeAlias = Reply
"""The tagged answer of a command."""


def done(text: str, code: bytes = b"") -> Answer:
    """OK: the command succeeded."""
    return ok(text, code)


def refused(text: str, code: bytes = b"") -> Answer:
    """NO: the command is right and was not carried out."""
    return no(text, code)


def wrong(text: str, code: bytes = b"") -> Answer:
    """BAD: the client may not send this command, or not like this."""
    return bad(text, code)


class CommandRefused(Exception):
    """Ends a command with this answer, wherever in the command it is raised."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.text)
        self.answer = answer


NO_SUCH_MESSAGE: Final = wrong("There is no message with this number")
"""RFC 9051 §9 (seq-number)."""
