"""How a command ends: the tagged answer, and the exception that gives one early."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Condition(Enum):
    """OK, NO, BAD. RFC 9051 §7.1."""

    OK = b"OK"
    NO = b"NO"
    BAD = b"BAD"


@dataclass(frozen=True, slots=True)
class Answer:
    """The tagged answer of a command.

    Attributes:
        condition: how it went.
        text: for people.
        code: the octets between the brackets, or none.
    """

    condition: Condition
    text: str
    code: bytes = b""

    @property
    def is_ok(self) -> bool:
        """Whether the command did what it should."""
        return self.condition is Condition.OK


def done(text: str, code: bytes = b"") -> Answer:
    """OK."""
    return Answer(Condition.OK, text, code)


def refused(text: str, code: bytes = b"") -> Answer:
    """NO."""
    return Answer(Condition.NO, text, code)


def wrong(text: str, code: bytes = b"") -> Answer:
    """BAD."""
    return Answer(Condition.BAD, text, code)


class CommandRefused(Exception):
    """Ends a command with this answer from anywhere in it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.text)
        self.answer = answer


NO_SUCH_MESSAGE: Final = wrong("There is no message with this number")
"""RFC 9051 §9 (seq-number)."""
