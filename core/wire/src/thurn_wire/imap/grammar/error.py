"""The one error of the grammar."""

from __future__ import annotations


class ParseError(Exception):
    """The command cannot be used.

    Attributes:
        text: what was expected or wrong, and where; for the client.
        condition: BAD, or NO for what is well formed and cannot be.
        code: the response code to send with it.
    """

    def __init__(self, text: str, *, condition: bytes = b"BAD", code: bytes = b"") -> None:
        super().__init__(text)
        self.text = text
        self.condition = condition
        self.code = code
