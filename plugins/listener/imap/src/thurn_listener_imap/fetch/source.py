"""The octets of one message, read where they are asked for.

Rules of this file:
1. A message up to `WHOLE_OCTETS` is read at once; of a larger one in a file only what is asked.
2. Where the parts of a large message are is found out once and remembered by the worker, since
   clients fetch large parts piece by piece.
3. A file that cannot be read is `StorageTrouble`.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

import trio
from thurn.contracts.store import MessageSummary
from thurn.plugin import Content
from thurn.types.errors import StorageTrouble
from thurn_message.mime.part import Part
from thurn_message.mime.section import find_part
from thurn_message.scanner import Scan, scan

from thurn_listener_imap.limits import PIECE_OCTETS, SCAN_APART_OCTETS, SPANS, WHOLE_OCTETS


@dataclass(frozen=True, slots=True)
class Place:
    """Where a section's octets are, and how a part's are encoded."""

    start: int
    end: int
    encoding: bytes = b""


class Places:
    """What a worker remembers of large messages."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str, str], Place | None] = OrderedDict()

    def get(self, key: tuple[str, str, str]) -> Place | None:
        """A place. Raises KeyError."""
        place = self._known[key]
        self._known.move_to_end(key)
        return place

    def put(self, key: tuple[str, str, str], place: Place | None) -> None:
        """Remember it, and forget the one that was not asked for longest."""
        self._known[key] = place
        if len(self._known) > SPANS:
            self._known.popitem(last=False)


@dataclass(frozen=True, slots=True)
class AccountPlaces:
    """The part of `Places` that one account may see."""

    account: str
    places: Places


class Source:
    """A message being fetched; a context manager.

    Args:
        summary: what the store says of it.
        content: its octets.
        places: what is known of large messages of its account.
    """

    __slots__ = ("_content", "_fd", "_octets", "_places", "_scan", "summary")

    def __init__(self, summary: MessageSummary, content: Content, places: AccountPlaces) -> None:
        self.summary = summary
        self._content = content
        self._places = places
        self._octets: bytes | None = None
        self._scan: Scan | None = None
        self._fd = -1

    def __enter__(self) -> Source:
        content = self._content
        try:
            if content.blob.path is None or content.size_octets <= WHOLE_OCTETS:
                self._octets = content.read()
            else:
                self._fd = os.open(content.blob.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise StorageTrouble(str(error)) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._fd >= 0:
            with suppress(OSError):
                os.close(self._fd)
            self._fd = -1

    @property
    def size_octets(self) -> int:
        """The length of the message."""
        return self._content.size_octets

    def read(self, start: int, end: int) -> bytes:
        """The octets of a span; all of them, or StorageTrouble."""
        if self._octets is not None:
            return self._octets[start:end]
        prefix = self._content.prefix
        parts = [prefix[start:end]]
        at, stop = max(start - len(prefix), 0), end - len(prefix)
        while at < stop:
            try:
                part = os.pread(self._fd, stop - at, at)
            except OSError as error:
                raise StorageTrouble(str(error)) from error
            if not part:
                raise StorageTrouble("the message's file is shorter than it was")
            parts.append(part)
            at += len(part)
        return b"".join(parts) if len(parts) > 1 else parts[0]

    def pieces(self, start: int, end: int) -> Iterator[bytes]:
        """The octets of a span, some at a time."""
        while start < end:
            stop = min(start + PIECE_OCTETS, end)
            yield self.read(start, stop)
            start = stop

    async def section(self, name: str) -> Place | None:
        """Where a section is (`1.2.MIME`, HEADER, "" …); None if the message has none of it."""
        if not name:
            return Place(0, self.size_octets)
        if name in ("HEADER", "TEXT"):
            header_octets = self.summary.header_octets
            if name == "HEADER":
                return Place(0, header_octets)
            return Place(header_octets, self.size_octets)
        return await self._find(name, decoded=False)

    async def part(self, numbers: str) -> Place | None:
        """Where a part's body is, and its encoding."""
        return await self._find(numbers, decoded=True)

    async def _find(self, name: str, *, decoded: bool) -> Place | None:
        key = (self._places.account, self.summary.email_id, name + "=" * decoded)
        if self._octets is None:
            with suppress(KeyError):
                return self._places.places.get(key)
        found = await self._scanned()
        place: Place | None
        if decoded:
            part = find_part(found.root, name)
            place = None if part is None else _part_place(part)
        else:
            span = found.section(name)
            place = None if span is None else Place(*span)
        if self._octets is None:
            self._places.places.put(key, place)
        return place

    async def _scanned(self) -> Scan:
        if self._scan is not None:
            return self._scan
        if self._octets is not None:
            self._scan = self._content.scan if self.size_octets <= WHOLE_OCTETS else None
            if self._scan is None:
                self._scan = await _scan_apart(self._content)
            return self._scan
        return await _scan_apart(self._content)  # not kept: it holds all octets


async def _scan_apart(content: Content) -> Scan:
    """Take a large message apart without holding up the other sessions."""

    def work() -> Scan:
        found = scan(content.read())
        _ = found.parts
        return found

    try:
        if content.size_octets < SCAN_APART_OCTETS:
            return work()
        return await trio.to_thread.run_sync(work)
    except OSError as error:
        raise StorageTrouble(str(error)) from error


def _part_place(part: Part) -> Place:
    encoding = b"" if part.is_multipart else part.encoding
    return Place(part.body_start, part.body_end, encoding)
