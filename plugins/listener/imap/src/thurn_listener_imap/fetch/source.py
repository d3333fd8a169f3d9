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
from thurn_message.mime.section import find_part, find_section
from thurn_message.scanner import scan

from thurn_listener_imap.limits import PARTS, PIECE_OCTETS, SCAN_APART_OCTETS, WHOLE_OCTETS


@dataclass(frozen=True, slots=True)
class Place:
    """Where a section's octets are, and how a part's are encoded."""

    start: int
    end: int
    encoding: bytes = b""


class Places:
    """What a worker remembers of large messages: their parts, without any octets of them."""

    __slots__ = ("_count", "_known")

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], tuple[Part, int]] = OrderedDict()
        self._count = 0

    def get(self, key: tuple[str, str]) -> Part | None:
        """The message as a part, if it is known."""
        known = self._known.get(key)
        if known is None:
            return None
        self._known.move_to_end(key)
        return known[0]

    def put(self, key: tuple[str, str], root: Part, count: int) -> None:
        """Remember a message of so many parts; forget those that were not asked for longest."""
        if key in self._known:
            self._count -= self._known.pop(key)[1]
        self._known[key] = (root, count)
        self._count += count
        while self._count > PARTS and len(self._known) > 1:
            _, (_, gone) = self._known.popitem(last=False)
            self._count -= gone


@dataclass(frozen=True, slots=True)
class AccountPlaces:
    """The part of `Places` that one account may see."""

    account: str
    places: Places


class Source:
    """A message being fetched; a context manager.

    Args:
        summary: what the store says of it; None where the whole message is all that is asked for.
        content: its octets.
        places: what is known of large messages of its account.
    """

    __slots__ = ("_content", "_fd", "_octets", "_places", "_summary")

    def __init__(
        self, summary: MessageSummary | None, content: Content, places: AccountPlaces
    ) -> None:
        self._summary = summary
        self._content = content
        self._places = places
        self._octets: bytes | None = None
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
    def summary(self) -> MessageSummary:
        """What the store says of the message."""
        if self._summary is None:
            raise StorageTrouble("an item that did not say that it needs summaries")
        return self._summary

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
        span = find_section(await self._root(), name)
        return None if span is None else Place(*span)

    async def part(self, numbers: str) -> Place | None:
        """Where a part's body is, and its encoding."""
        part = find_part(await self._root(), numbers)
        return None if part is None else _part_place(part)

    async def _root(self) -> Part:
        if self._octets is not None and self.size_octets <= WHOLE_OCTETS:
            return self._content.scan.root
        key = (self._places.account, self.summary.email_id)
        root = self._places.places.get(key)
        if root is None:
            parts = await _parts_apart(self._content)
            root = parts[0]
            self._places.places.put(key, root, len(parts))
        return root


async def _parts_apart(content: Content) -> list[Part]:
    """The parts of a large message, without holding up the other sessions."""

    def work() -> list[Part]:
        return scan(content.read()).parts

    try:
        if content.size_octets < SCAN_APART_OCTETS:
            return work()
        return await trio.to_thread.run_sync(work)
    except OSError as error:
        raise StorageTrouble(str(error)) from error


def _part_place(part: Part) -> Place:
    encoding = b"" if part.is_multipart else part.encoding
    return Place(part.body_start, part.body_end, encoding)
