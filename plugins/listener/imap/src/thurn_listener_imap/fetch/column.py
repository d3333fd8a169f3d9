"""The items that need no message file: columns of the view, and octets that stores keep ready."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from thurn.plugin import CACHED_HEADERS
from thurn_wire.imap.fetch import Attribute, BodySection
from thurn_wire.imap.reply import date_time, literal

from thurn_listener_imap.fetch.batch import Batch
from thurn_listener_imap.fetch.header import ends_with_empty_line, field_finder
from thurn_listener_imap.fetch.item import Column
from thurn_listener_imap.fetch.literal import without_nul
from thurn_listener_imap.mailbox.flags import SEEN


def _uids(batch: Batch) -> Iterable[object]:
    return batch.column(batch.view.uids)


def _sizes(batch: Batch) -> Iterable[object]:
    return batch.column(batch.view.sizes)


def _dates(batch: Batch) -> Iterable[object]:
    return map(date_time, batch.column(batch.view.received))


def _flags(batch: Batch) -> Iterable[object]:
    masks = batch.column(batch.view.flags)
    if batch.seen:
        masks = [
            mask | SEEN if at in batch.seen else mask
            for at, mask in zip(batch.places, masks, strict=True)
        ]
    return map(batch.flags.text, masks)


def _modseqs(batch: Batch) -> Iterable[object]:
    modseqs = batch.column(batch.view.modseqs)
    if not batch.seen:
        return modseqs
    return [batch.seen.get(at) or modseq for at, modseq in zip(batch.places, modseqs, strict=True)]


def _envelopes(batch: Batch) -> Iterable[object]:
    return [summary.envelope for summary in batch.summaries]


def _structures(batch: Batch) -> Iterable[object]:
    return [summary.bodystructure for summary in batch.summaries]


def _bodies(batch: Batch) -> Iterable[object]:
    return [summary.body for summary in batch.summaries]


UID: Final = Column(b"UID %d", _uids)
FLAGS: Final = Column(b"FLAGS (%b)", _flags)
MODSEQ: Final = Column(b"MODSEQ (%d)", _modseqs)

ATTRIBUTES: Final = {
    Attribute("UID"): UID,
    Attribute("FLAGS"): FLAGS,
    Attribute("MODSEQ"): MODSEQ,
    Attribute("INTERNALDATE"): Column(b"INTERNALDATE %b", _dates),
    Attribute("RFC822.SIZE"): Column(b"RFC822.SIZE %d", _sizes),
    Attribute("ENVELOPE"): Column(b"ENVELOPE %b", _envelopes, summary=True),
    Attribute("BODYSTRUCTURE"): Column(b"BODYSTRUCTURE %b", _structures, summary=True),
    Attribute("BODY"): Column(b"BODY %b", _bodies, summary=True),
}
"""The words of RFC 9051 §6.4.5 and RFC 7162 §3.1.4."""


def cached_fields(item: BodySection) -> Column | None:
    """A column for `BODY[HEADER.FIELDS (...)]`, if stores keep all of these fields; else None."""
    if item.part or item.text != "HEADER.FIELDS" or item.partial is not None:
        return None
    names = frozenset(name.lower().encode() for name in item.fields)
    if not names <= CACHED_HEADERS:
        return None
    form = item.label.replace(b"%", b"%%") + b" %b"
    values = partial(_fields, field_finder(names))
    return Column(form, values, summary=True, whole_headers=True, sets_seen=not item.peek)


def _fields(find: Callable[[bytes], list[bytes]], batch: Batch) -> Iterable[object]:
    whole = batch.headers
    for summary in batch.summaries:
        fields = b"".join(find(summary.headers))
        # RFC 9051 §6.4.5: the empty line is there, unless the message has neither it nor a body.
        header = whole.get(summary.uid)
        if header is None or ends_with_empty_line(header):
            fields += b"\r\n"
        yield literal(without_nul(fields))
