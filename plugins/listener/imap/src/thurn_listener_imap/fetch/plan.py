"""A FETCH list, compiled; all sessions of a listener share the plans of equal lists.

Rules of this file: columns come first in each response, in the order asked, then the items that are
made from the message's octets. The order of items in a response has no meaning. RFC 9051 §7.5.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Final

from thurn_wire.imap.fetch import Attribute, BodySection, FetchItem, Rfc822

from thurn_listener_imap.fetch.batch import Batch
from thurn_listener_imap.fetch.column import ATTRIBUTES, FLAGS, MODSEQ, UID, cached_fields
from thurn_listener_imap.fetch.item import Column, CompiledItem, CompileItem, Writer
from thurn_listener_imap.fetch.writer import section_writer

PLANS: Final = 512
"""Compiled lists that a listener keeps; a client uses about five."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A FETCH list, compiled.

    Attributes:
        columns: made for whole batches.
        writers: made from each message's octets.
        flags: FLAGS is among the columns.
    """

    columns: tuple[Column, ...]
    writers: tuple[Writer, ...]
    flags: bool

    @property
    def sets_seen(self) -> bool:
        r"""Whether answering sets \Seen."""
        return any(column.sets_seen for column in self.columns) or any(
            writer.sets_seen for writer in self.writers
        )

    @property
    def summary(self) -> bool:
        """Whether batches need summaries."""
        return any(writer.summary for writer in self.writers) or any(
            column.summary for column in self.columns
        )

    @property
    def whole_headers(self) -> bool:
        """Whether batches need whole headers of messages without a body."""
        return any(column.whole_headers for column in self.columns)

    def with_flags(self, *, modseq: bool) -> Plan:
        """The same with FLAGS, for messages that become Seen by it. RFC 9051 §6.4.5."""
        columns = self.columns if self.flags else (*self.columns, FLAGS)
        if modseq and MODSEQ not in columns:
            columns = (*columns, MODSEQ)
        return Plan(columns, self.writers, flags=True)

    def responses(self, batch: Batch) -> bytes:
        """The responses of a batch; for plans without writers."""
        form = b"* %%d FETCH (%b)\r\n" % b" ".join([column.form for column in self.columns])
        return _filled(form, self.columns, batch)

    def beginnings(self, batch: Batch) -> list[bytes]:
        """The beginning of each response, up to where the writers go on."""
        forms = [column.form + b" " for column in self.columns]
        form = b"* %%d FETCH (%b" % b"".join(forms)
        numbers = [at + 1 for at in batch.places]
        rows = zip(numbers, *[column.values(batch) for column in self.columns], strict=True)
        return [form % row for row in rows]


def _filled(form: bytes, columns: tuple[Column, ...], batch: Batch) -> bytes:
    """All rows at once: one formatting for the whole batch is twice as fast as one for each row."""
    places = batch.places
    numbers = [at + 1 for at in places]
    rows = zip(numbers, *[column.values(batch) for column in columns], strict=True)
    return form * len(places) % tuple(chain.from_iterable(rows))


class Compiler:
    """Makes plans.

    Args:
        compilers: those of extensions, by the item itself or by its type.
    """

    def __init__(self, compilers: Mapping[FetchItem | type[FetchItem], CompileItem]) -> None:
        self._compilers = compilers
        self.plan = lru_cache(PLANS)(self._plan)

    def _plan(self, items: tuple[FetchItem, ...], *, uid: bool, modseq: bool) -> Plan:
        """The plan of a list.

        Args:
            items: as asked.
            uid: the command is UID FETCH, whose responses have the UID. RFC 9051 §6.4.9.
            modseq: the responses have the MODSEQ as well. RFC 7162 §3.1.4.1.

        Raises:
            ValueError: an item that nobody answers.
        """
        compiled: dict[CompiledItem, None] = {UID: None} if uid else {}
        for item in items:
            compiled[self._compile(item)] = None
        if modseq:
            compiled[MODSEQ] = None
        columns = tuple(item for item in compiled if isinstance(item, Column))
        writers = tuple(item for item in compiled if not isinstance(item, Column))
        return Plan(columns, writers, flags=FLAGS in columns)

    def _compile(self, item: FetchItem) -> CompiledItem:
        compiler = self._compilers.get(item) or self._compilers.get(type(item))
        if compiler is not None:
            return compiler(item)
        match item:
            case Attribute() if item in ATTRIBUTES:
                return ATTRIBUTES[item]
            case BodySection():
                return cached_fields(item) or section_writer(item)
            case Rfc822():
                return section_writer(item)
        raise ValueError(f"{item} cannot be fetched")
