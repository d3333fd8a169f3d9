"""Reading messages of a mailbox: what the index holds of them, and where their bodies are.

Rules of this file: within one snapshot; `mailbox` is a mailbox's number; UIDs that are not there
are passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import apsw
from thurn.plugin import BlobReference, MessageSummary

from thurn_store_spool.index.query import select
from thurn_store_spool.index.row import row_id
from thurn_store_spool.operation.uidset import runs

_SUMMARY: Final = (
    "SELECT m.id & 4294967295, printf('E%016x', b.message), b.envelope, b.bodystructure,"
    " b.structure, b.header_octets, m.size, b.headers FROM message m JOIN body b ON b.id = m.body"
    " WHERE m.id BETWEEN ? AND ?"
)
"""The fields of `MessageSummary`, in its order; the second is the EMAILID. RFC 8474 §4.2."""

_HEADERS: Final = (
    "SELECT m.id & 4294967295, b.headers FROM message m JOIN body b ON b.id = m.body"
    " WHERE m.id BETWEEN ? AND ?"
)
_BODY: Final = (
    "SELECT m.id & 4294967295, b.message, b.slot, b.generation, b.position, b.length, b.prefix"
    " FROM message m JOIN body b ON b.id = m.body WHERE m.id BETWEEN ? AND ?"
)
"""The fields of `BodyRow`, in its order."""


class BodyRow(NamedTuple):
    """Where the body of a message is: in the log, unless `slot` is None, or in its file."""

    uid: int
    message: int
    slot: int | None
    generation: int
    position: int
    length: int
    prefix: bytes

    @property
    def reference(self) -> BlobReference | None:
        """Where the commit log has it, unless it is retired; None when it never had it."""
        if self.slot is None:
            return None
        return BlobReference(self.slot, self.generation, self.position, self.length)


def read_summaries(
    connection: apsw.Connection, mailbox: int, uids: Sequence[int]
) -> dict[int, MessageSummary]:
    """The summaries by UID."""
    rows = _read(connection, _SUMMARY, mailbox, uids)
    return {summary[0]: summary for summary in map(MessageSummary._make, rows)}


def read_headers(
    connection: apsw.Connection, mailbox: int, uids: Sequence[int]
) -> dict[int, bytes]:
    """The cached header fields by UID."""
    return dict(_read(connection, _HEADERS, mailbox, uids))


def locate_bodies(connection: apsw.Connection, mailbox: int, uids: Sequence[int]) -> list[BodyRow]:
    """Where the bodies are."""
    return [*map(BodyRow._make, _read(connection, _BODY, mailbox, uids))]


def _read(connection: apsw.Connection, sql: str, mailbox: int, uids: Sequence[int]) -> list[Any]:
    rows: list[Any] = []
    for first, last in runs(uids):
        rows += select(connection, sql, (row_id(mailbox, first), row_id(mailbox, last)))
    return rows
