"""A big message for many accounts: its body is copied and scanned once, the other files are links.

Each account has a name of its own for the body's file (a hard link), so that an account's directory
is whole: it can be removed, copied and kept by itself, and the octets go with the last name. Where
the file system cannot make the link (it is another one, or there are too many names) the body is
copied.

Rules of this file: blocking, for threads, several at once; what is remembered is only a hint.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from thurn.plugin import CACHED_HEADERS, Blob, Content
from thurn_message.fields import read_fields
from thurn_message.limits import MAX_HEADER_FIELDS, MAX_HEADER_OCTETS

from thurn_store_spool.body.file import link_body, place_body
from thurn_store_spool.body.summary import summarise, summary_octets
from thurn_store_spool.cache.bounds import SHARED_BODIES, SHARED_SUMMARY_OCTETS, BoundedDict
from thurn_store_spool.layout import body_path
from thurn_store_spool.operation.kind import Summary


@dataclass(frozen=True, slots=True)
class _SharedBody:
    """Where a blob lies, and the summary of its text without anything above it."""

    path: Path
    summary: Summary
    fields: int


class SharedBodies:
    """The big bodies that were placed last."""

    def __init__(self) -> None:
        self._shared: BoundedDict[Blob, _SharedBody] = BoundedDict(SHARED_BODIES)

    def place(self, directory: Path, message: int, content: Content) -> Summary:
        """Bring the body to its file, durably; gives the summary of the message.

        Raises:
            OSError: the body is not in its file.
        """
        blob = content.blob
        shared = self._shared.get(blob)
        if shared is None or not link_body(shared.path, directory, message):
            place_body(directory, message, blob)
            shared = self._learn(blob, body_path(directory, message), shared)
        if shared is None or not _is_plain(content.prefix, shared):
            # From an object of its own, so that the octets do not stay with the message.
            return summarise(Content(blob, content.prefix))
        header_end, envelope, bodystructure, body, headers = shared.summary
        return (header_end + len(content.prefix), envelope, bodystructure, body, headers)

    def _learn(self, blob: Blob, path: Path, shared: _SharedBody | None) -> _SharedBody | None:
        if blob.path is None:  # its octets are in memory and would stay there
            return None
        if shared is None:
            bare = Content(blob)
            fields = bare.scan.fields
            starts = bool(fields) and fields[0].start == 0
            summary = summarise(bare)
            if summary_octets(summary) > SHARED_SUMMARY_OCTETS:
                return None
            shared = _SharedBody(path, summary, len(fields) if starts else MAX_HEADER_FIELDS)
        else:
            shared = _SharedBody(path, shared.summary, shared.fields)
        self._shared.remember(blob, shared)
        return shared


def _is_plain(prefix: bytes, shared: _SharedBody) -> bool:
    """Whether a message with this prefix has the same summary, except for the header's length.

    It has when the prefix is whole fields, none of them is cached or says how the body is built,
    and the header is still below its bounds.
    """
    if not prefix:
        return shared.fields < MAX_HEADER_FIELDS
    above = read_fields(prefix, 0, len(prefix))
    return (
        bool(above)
        and above[-1].end == len(prefix)
        and prefix.endswith(b"\r\n")
        and shared.summary[0] + len(prefix) < MAX_HEADER_OCTETS
        and shared.fields + len(above) < MAX_HEADER_FIELDS
        and not any(
            field.name in CACHED_HEADERS or field.name.startswith((b"content-", b"mime-"))
            for field in above
        )
    )
