"""A message as a filter function sees it: decoded header fields, the octets, the envelope."""

from __future__ import annotations

from thurn_message.encodedword import decode_words

from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.session import Transaction


class Message:
    """A message that is being judged. What is not asked for is not computed."""

    __slots__ = ("content", "transaction")

    def __init__(self, transaction: Transaction, content: Content) -> None:
        self.transaction = transaction
        self.content = content

    def header(self, name: str, default: str = "") -> str:
        """The first field of this name, unfolded and decoded (RFC 2047), or the default."""
        raw = self.content.scan.get(name.lower().encode())
        return default if raw is None else decode_words(raw)

    def headers(self, name: str) -> list[str]:
        """All fields of this name, in order."""
        return [decode_words(raw) for raw in self.content.scan.get_all(name.lower().encode())]

    @property
    def sender(self) -> Address | None:
        """The envelope's sender; None is the null sender."""
        return self.transaction.sender

    @property
    def recipients(self) -> list[Address]:
        """The accepted recipients of the envelope."""
        return [recipient.address for recipient in self.transaction.recipients]

    @property
    def size_octets(self) -> int:
        """Octets of the message, with the trace fields."""
        return self.content.size_octets

    def read(self) -> bytes:
        """All octets, as received, with the trace fields above."""
        return self.content.read()
