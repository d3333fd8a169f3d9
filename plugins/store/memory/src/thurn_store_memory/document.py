"""The documents of an account with all their versions: reading and changing them.

Rules of this file: changes are made within a round; a document's key is its kind and name.
"""

from __future__ import annotations

from dataclasses import replace

from thurn.plugin import Document, DocumentNotFound

from thurn_store_memory.state import AccountState


def shown(state: AccountState, document: Document) -> Document:
    """A version with its attribute `active` set."""
    key = (document.kind, document.name)
    active = (
        key in state.present
        and state.documents[key][-1].version == document.version
        and state.active.get(document.kind) == document.name
    )
    return replace(document, active=active)


def read_all(state: AccountState, kind: str) -> list[Document]:
    """The newest version of each document of a kind, in name order."""
    keys = sorted(key for key in state.present if key[0] == kind)
    return [shown(state, state.documents[key][-1]) for key in keys]


def read_one(state: AccountState, kind: str, name: str, version: int | None) -> Document | None:
    """The newest version of a document that is not deleted, or a given version of any document."""
    versions = state.documents.get((kind, name), ())
    if version is None:
        return shown(state, versions[-1]) if (kind, name) in state.present else None
    matching = (document for document in versions if document.version == version)
    return next((shown(state, document) for document in matching), None)


def read_active(state: AccountState, kind: str) -> Document | None:
    """The active document of a kind, or None."""
    name = state.active.get(kind)
    return shown(state, state.documents[kind, name][-1]) if name is not None else None


def read_history(state: AccountState, kind: str, name: str) -> list[Document]:
    """All versions of a document, oldest first."""
    return [shown(state, document) for document in state.documents.get((kind, name), ())]


def put(state: AccountState, kind: str, name: str, content: bytes, wall: float) -> Document:
    """Store a document, or a new version of it."""
    versions = state.documents.get((kind, name), ())
    document = Document(kind, name, content, len(versions) + 1, wall)
    state.put(state.documents, (kind, name), (*versions, document))
    state.put(state.present, (kind, name), True)
    state.next_number("modseq")
    return shown(state, document)


def activate(state: AccountState, kind: str, name: str | None) -> None:
    """Make a document the active one of its kind; with None, no document is active."""
    if name is not None and (kind, name) not in state.present:
        raise DocumentNotFound
    state.put_or_drop(state.active, kind, name)


def delete(state: AccountState, kind: str, name: str) -> bool:
    """Delete a document, but not its history; False if it is absent."""
    if (kind, name) not in state.present:
        return False
    state.drop(state.present, (kind, name))
    if state.active.get(kind) == name:
        state.drop(state.active, kind)
    return True
