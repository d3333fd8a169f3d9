"""A big message for many accounts: its body is copied and scanned once, the others link to it.

Each account has a name of its own for the body's file (a hard link), so that an account's directory
is whole: it can be removed, copied and kept by itself, and the octets go with the last name. Where
the file system has no such link (another one, too many names, none at all) the body is copied.

Rules of this file: blocking, for threads, several at once; what is known is a hint, never needed.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from thurn.plugin import CACHED_HEADERS, Blob, Content
from thurn_message.fields import read_fields
from thurn_message.limits import MAX_HEADER_FIELDS, MAX_HEADER_OCTETS

from thurn_store_spool.body import place_body, sync_names
from thurn_store_spool.operation import Summary
from thurn_store_spool.place import body_path

KEPT: Final = 64
"""Messages remembered: more than a worker takes at a time. Some kilobytes each, and no body."""
KEPT_OCTETS: Final = 65_536
"""Of one of them: what has longer headers is copied and scanned for each account."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Where a blob lies, and what its text is without anything above it."""

    path: Path
    summary: Summary
    fields: int


def summarise(content: Content) -> Summary:
    """What the index keeps of a message's text."""
    scan = content.scan
    octets = scan.content
    headers = b"".join(
        [octets[field.start : field.end] for field in scan.fields if field.name in CACHED_HEADERS]
    )
    return (scan.header_end, scan.envelope, scan.bodystructure, scan.body, headers)


class SharedBodies:
    """The big bodies that were placed last."""

    def __init__(self) -> None:
        self._known: OrderedDict[Blob, _Known] = OrderedDict()

    def place(self, directory: Path, message: int, content: Content) -> Summary:
        """The body is in its file, durable; gives what the index keeps of the message.

        Raises:
            OSError: it is not.
        """
        blob = content.blob
        known = self._known.get(blob)
        if known is None or not link_body(known.path, directory, message):
            place_body(directory, message, blob)
            known = self._learn(blob, body_path(directory, message), known)
        if known is None or not _is_plain(content.prefix, known):
            # Of objects of our own, so that the octets do not stay with the message.
            return summarise(Content(blob, content.prefix))
        header_end, envelope, bodystructure, body, headers = known.summary
        return (header_end + len(content.prefix), envelope, bodystructure, body, headers)

    def _learn(self, blob: Blob, path: Path, known: _Known | None) -> _Known | None:
        if blob.path is None:  # its octets are in memory and would stay there
            return None
        if known is None:
            bare = Content(blob)
            fields = bare.scan.fields
            starts = bool(fields) and fields[0].start == 0
            summary = summarise(bare)
            if sum(map(len, summary[1:])) > KEPT_OCTETS:
                return None
            known = _Known(path, summary, len(fields) if starts else MAX_HEADER_FIELDS)
        else:
            known = _Known(path, known.summary, known.fields)
        self._known[blob] = known
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return known


def _is_plain(prefix: bytes, known: _Known) -> bool:
    """Whether a message with this above it has the same texts: whole fields, none of which the
    index keeps or a structure is made of, and the header is below its bounds as before."""
    if not prefix:
        return known.fields < MAX_HEADER_FIELDS
    above = read_fields(prefix, 0, len(prefix))
    return (
        bool(above)
        and above[-1].end == len(prefix)
        and prefix.endswith(b"\r\n")
        and known.summary[0] + len(prefix) < MAX_HEADER_OCTETS
        and known.fields + len(above) < MAX_HEADER_FIELDS
        and not any(
            field.name in CACHED_HEADERS or field.name.startswith((b"content-", b"mime-"))
            for field in above
        )
    )


def link_body(source: Path, directory: Path, message: int) -> bool:
    """The body is another name of this one, durably; False when it cannot be.

    Raises:
        OSError: the names could not be synced.
    """
    path = body_path(directory, message)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        os.link(source, path, follow_symlinks=False)
    except OSError:  # the first account's message may have gone, too
        return False
    sync_names(path.parent, directory)
    return True
