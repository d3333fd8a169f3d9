"""How a command ends: its tagged answer, and the exception that ends it early.

Rules of this file: values only; what a client reads is made by `thurn_wire.imap.response`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from thurn_wire.imap import response


class Condition(Enum):
    """OK, NO, BAD. RFC 9051 §7.1."""

    OK = b"OK"
    NO = b"NO"
    BAD = b"BAD"


@dataclass(frozen=True, slots=True)
class Answer:
    """The tagged answer of a command.

    Attributes:
        condition: whether the command succeeded.
        text: for people.
        code: the octets of the response code, without its brackets; b"": the answer has none.
    """

    condition: Condition
    text: str
    code: bytes = b""

    @property
    def is_ok(self) -> bool:
        """Whether the command succeeded."""
        return self.condition is Condition.OK

    def encode(self, tag: bytes) -> bytes:
        """The line that the client receives."""
        return _WRITERS[self.condition](tag, self.text, self.code)


_WRITERS: Final[dict[Condition, Callable[[bytes, str, bytes], bytes]]] = {
    Condition.OK: response.ok,
    Condition.NO: response.no,
    Condition.BAD: response.bad,
}


def done(text: str, code: bytes = b"") -> Answer:
    """OK: the command succeeded."""
    return Answer(Condition.OK, text, code)


def refused(text: str, code: bytes = b"") -> Answer:
    """NO: the command is right and was not carried out."""
    return Answer(Condition.NO, text, code)


def wrong(text: str, code: bytes = b"") -> Answer:
    """BAD: the client may not send this command, or not like this."""
    return Answer(Condition.BAD, text, code)


class CommandRefused(Exception):
    """Ends a command with this answer, wherever in the command it is raised."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.text)
        self.answer = answer


NO_SUCH_MESSAGE: Final = wrong("There is no message with this number")
"""RFC 9051 §9 (seq-number)."""
