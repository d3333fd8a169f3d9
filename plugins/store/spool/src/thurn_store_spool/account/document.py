"""Documents of an account, small named texts with all their versions: reading, and work on drafts.

RFC 5804's scripts are documents.
"""

from __future__ import annotations

from typing import Any, Final

import apsw
from thurn.plugin import Document, DocumentNotFound, LimitReached, TooLarge

from thurn_store_spool.cache.caches import KnownDocument
from thurn_store_spool.environment import OpenAccount
from thurn_store_spool.index.query import select, select_one
from thurn_store_spool.log.draft import Draft
from thurn_store_spool.operation.kind import DocumentActivated, DocumentDeleted, DocumentPut

NAME_OCTETS: Final = 512
"""The longest name; RFC 5804 §1.6 asks for 128 characters, up to four octets of UTF-8 each."""

CONTENT_OCTETS: Final = 1 << 20
"""The largest document, which goes through the commit log whole; scripts are some kilobytes."""

DOCUMENTS_PER_ACCOUNT: Final = 1_000
"""Most documents of an account, of all kinds: lists read them whole. A few are usual."""

_COLUMNS: Final = (
    "SELECT d.kind, d.name, d.content, d.version, d.changed_at, p.name IS NOT NULL AND"
    " a.name IS NOT NULL AND d.version = (SELECT max(version) FROM document WHERE kind = d.kind"
    " AND name = d.name) FROM document d LEFT JOIN present p ON p.kind = d.kind AND p.name = d.name"
    " LEFT JOIN active a ON a.kind = d.kind AND a.name = d.name"
)
_NEWEST: Final = (
    " AND p.name IS NOT NULL AND d.version = (SELECT max(version) FROM document"
    " WHERE kind = d.kind AND name = d.name)"
)


def _document(row: Any) -> Document:  # noqa: ANN401 - a row of _COLUMNS
    kind, name, content, version, changed_at, active = row
    return Document(kind, name, content, version, changed_at, bool(active))


def read_documents(connection: apsw.Connection, kind: str) -> list[Document]:
    """The newest version of each document of a kind, in name order."""
    sql = f"{_COLUMNS} WHERE d.kind = ?{_NEWEST} ORDER BY d.name"
    return [_document(row) for row in select(connection, sql, (kind,))]


def read_document(
    connection: apsw.Connection, kind: str, name: str, version: int | None
) -> Document | None:
    """The newest version of a document that is present, or any version of one that was."""
    sql = f"{_COLUMNS} WHERE d.kind = ? AND d.name = ?"
    if version is None:
        row = select_one(connection, sql + _NEWEST, (kind, name))
    else:
        row = select_one(connection, sql + " AND d.version = ?", (kind, name, version))
    return _document(row) if row else None


def read_active(connection: apsw.Connection, kind: str) -> Document | None:
    """The active document; without one this is a single look-up. A deleted one is not active."""
    row = select_one(connection, "SELECT name FROM active WHERE kind = ?", (kind,))
    if row is None:
        return None
    sql = (
        "SELECT content, version, changed_at FROM document WHERE kind = ? AND name = ?"
        " ORDER BY version DESC LIMIT 1"
    )
    newest = select_one(connection, sql, (kind, row[0]))
    return _document((kind, row[0], *newest, True)) if newest else None


def find_active(account: OpenAccount, kind: str) -> Document | None:
    """The same, remembered until the mark says that some document has changed."""
    caches = account.caches
    now = caches.mark.read()
    known = caches.documents.get(kind)
    if known is None or known.mark is None or known.mark != now:
        with account.index.snapshot() as connection:
            known = KnownDocument(now, read_active(connection, kind))
        caches.documents.remember(kind, known)
    return known.document


def read_history(connection: apsw.Connection, kind: str, name: str) -> list[Document]:
    """All versions of a document, oldest first."""
    sql = f"{_COLUMNS} WHERE d.kind = ? AND d.name = ? ORDER BY d.version"
    return [_document(row) for row in select(connection, sql, (kind, name))]


def check_document(kind: str, name: str, content: bytes) -> None:
    """Raises TooLarge when a name or the content is over its bound."""
    names = max(len(kind.encode()), len(name.encode()))
    if names > NAME_OCTETS or len(content) > CONTENT_OCTETS:
        raise TooLarge


def _is_present(draft: Draft, kind: str, name: str) -> bool:
    sql = "SELECT 1 FROM present WHERE kind = ? AND name = ?"
    return select_one(draft.index.writer, sql, (kind, name)) is not None


def put(draft: Draft, kind: str, name: str, content: bytes) -> Document:
    """Make a document or a new version of it."""
    writer = draft.index.writer
    if not _is_present(draft, kind, name):
        count = select_one(writer, "SELECT count(*) FROM present")[0]
        if count >= DOCUMENTS_PER_ACCOUNT:
            raise LimitReached
    last = select_one(
        writer, "SELECT max(version) FROM document WHERE kind = ? AND name = ?", (kind, name)
    )[0]
    version = (last or 0) + 1
    draft.do(DocumentPut(*draft.number(), kind, name, version, content, draft.wall))
    made = read_document(writer, kind, name, None)
    if made is None:
        raise DocumentNotFound
    return made


def activate(draft: Draft, kind: str, name: str | None) -> None:
    """Make this document the active one of its kind; None: none is active. RFC 5804 §2.8."""
    if name is not None and not _is_present(draft, kind, name):
        raise DocumentNotFound
    draft.do(DocumentActivated(*draft.number(), kind, name))


def delete(draft: Draft, kind: str, name: str) -> bool:
    """Remove a document, but not its history; False when it is absent."""
    if not _is_present(draft, kind, name):
        return False
    draft.do(DocumentDeleted(*draft.number(), kind, name))
    return True
