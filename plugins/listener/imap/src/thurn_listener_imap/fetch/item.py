"""What a FETCH item is compiled to; extensions compile theirs to the same.

Rules of this file: a `Column` answers for a whole batch at once, from columns and summaries, and
opens no message; a `Writer` answers for one message, from its octets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from thurn_wire.imap.fetch import FetchItem

from thurn_listener_imap.fetch.batch import Batch
from thurn_listener_imap.fetch.source import Source
from thurn_listener_imap.output import Output


@dataclass(frozen=True, slots=True)
class Column:
    """An item that is made for many messages at once.

    Attributes:
        form: one item of a response with one placeholder of bytes formatting: `b"UID %d"`.
        values: the values for the placeholder, one for each message of the batch.
        summary: the batch needs summaries.
        whole_headers: the batch needs whole headers of messages without a body.
        sets_seen: answering it sets Seen.
    """

    form: bytes
    values: Callable[[Batch], Iterable[object]]
    summary: bool = False
    whole_headers: bool = False
    sets_seen: bool = False


class Writer(Protocol):
    """An item that is made from the octets of one message."""

    @property
    def sets_seen(self) -> bool:
        r"""Answering it sets \Seen."""

    @property
    def summary(self) -> bool:
        """It looks at `Source.head`, or asks for sections or parts."""

    async def write(self, source: Source, output: Output) -> None:
        """Write the item, as it stands between the parentheses.

        Raises:
            StorageError: the message cannot be read; nothing was written.
            CannotDecode: the part's transfer encoding is unknown; nothing was written.
            CutOff: the message could not be read to its end.
        """


CompiledItem: TypeAlias = Column | Writer

CompileItem: TypeAlias = Callable[[FetchItem], CompiledItem]
"""Compiles items of one kind; equal lists of items are compiled once."""


class CannotDecode(Exception):
    """BINARY of a part whose transfer encoding is unknown. RFC 3516 §4.3."""


class CutOff(Exception):
    """A literal was announced and cannot be written whole: the connection has to end without
    another word, since a word would be taken for octets of the literal."""
