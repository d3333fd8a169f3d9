"""The octets of one message, read where they are asked for.

Rules of this file:
1. The worker finds out once where the parts of a large message are and remembers it, since clients
   fetch large parts piece by piece.
2. A large message that the store has in memory is put into a private file, so that a client that
   does not read keeps none of it in memory.
3. Only few large messages are scanned at a time, since each is in memory meanwhile.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import trio
from thurn.plugin import Content, MessageSummary, StorageTrouble
from thurn_kit.spool import Spool, SpooledContent
from thurn_message.mime.part import Part
from thurn_message.mime.section import find_part, find_section
from thurn_message.scanner import scan

from thurn_listener_imap.fetch.octets import Octets
from thurn_listener_imap.limits import APART, PARTS, SCAN_APART_OCTETS, WHOLE_OCTETS

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class SectionSpan:
    """Where the octets of a section are, and the transfer encoding of a part."""

    start: int
    end: int
    encoding: bytes = b""


class KnownParts:
    """The structure of large messages that a worker remembers; it holds none of their octets.

    Attributes:
        apart: held by whoever has a large message in memory, to set it aside or to scan it.
    """

    __slots__ = ("_count", "_known", "apart")

    def __init__(self) -> None:
        self.apart = trio.CapacityLimiter(APART)
        self._known: OrderedDict[tuple[str, str], tuple[Part, int]] = OrderedDict()
        self._count = 0

    def get(self, key: tuple[str, str]) -> Part | None:
        """The message as a part; None if it is not remembered."""
        known = self._known.get(key)
        if known is None:
            return None
        self._known.move_to_end(key)
        return known[0]

    def put(self, key: tuple[str, str], root: Part, count: int) -> None:
        """Remember a message of `count` parts; forget those that were not asked for longest."""
        if key in self._known:
            self._count -= self._known.pop(key)[1]
        self._known[key] = (root, count)
        self._count += count
        while self._count > PARTS and len(self._known) > 1:
            _, (_, dropped) = self._known.popitem(last=False)
            self._count -= dropped


class Head(NamedTuple):
    """What reading a message takes from its summary, so that the summary need not be kept.

    Attributes:
        email_id: opaque, equal for copies of the same content. RFC 8474.
        header_octets: the length of the header with its empty line.
    """

    email_id: str
    header_octets: int

    @classmethod
    def of(cls, summary: MessageSummary) -> Head:
        """From a summary."""
        return cls(summary.email_id, summary.header_octets)


@dataclass(frozen=True, slots=True)
class Sources:
    """Opens the messages of an account.

    Attributes:
        account: whose messages they are; nobody else sees what is remembered of them.
        known_parts: of its large messages.
        spool: for those that are in no file.
    """

    account: str
    known_parts: KnownParts
    spool: Spool

    @property
    def apart(self) -> trio.CapacityLimiter:
        """Held while a large message is in memory."""
        return self.known_parts.apart

    async def open(self, head: Head | None, content: Content) -> Source:
        """A message to be read; the caller keeps no reference to the content."""
        content, file = await self.spool.set_aside(content, above_octets=WHOLE_OCTETS)
        return Source(head, content, self, file)


class Source(Octets):
    """A message being fetched; a context manager.

    Args:
        head: from its summary; None where only the whole message is asked for.
        content: its octets.
        sources: what has opened it.
        file: the private file that it is in, if any; it is removed as soon as it is open.
    """

    __slots__ = ("_head", "_sources")

    def __init__(
        self,
        head: Head | None,
        content: Content,
        sources: Sources,
        file: SpooledContent | None = None,
    ) -> None:
        super().__init__(content, file)
        self._head = head
        self._sources = sources

    @property
    def head(self) -> Head:
        """What reading the message takes from its summary."""
        if self._head is None:
            raise StorageTrouble("an item that did not say that it needs summaries")
        return self._head

    async def section(self, name: str) -> SectionSpan | None:
        """Where a section (`1.2.MIME`, `HEADER`, "") is; None if the message does not have it."""
        if not name:
            return SectionSpan(0, self.size_octets)
        if name in ("HEADER", "TEXT"):
            header_octets = self.head.header_octets
            if name == "HEADER":
                return SectionSpan(0, header_octets)
            return SectionSpan(header_octets, self.size_octets)
        if name == "1" and self._undivided is not None:
            return SectionSpan(self.head.header_octets, self.size_octets)
        span = find_section(await self._root(), name)
        return None if span is None else SectionSpan(*span)

    async def part(self, numbers: str) -> SectionSpan | None:
        """Where a part's body is; None if the message does not have the part."""
        if numbers == "1" and (whole := self._undivided) is not None:
            return SectionSpan(self.head.header_octets, self.size_octets, whole.encoding)
        part = find_part(await self._root(), numbers)
        if part is None:
            return None
        encoding = b"" if part.is_multipart else part.encoding
        return SectionSpan(part.body_start, part.body_end, encoding)

    @property
    def _undivided(self) -> Part | None:
        """The message as a part, by its header alone, if it is large and not multipart: its part 1
        is its body, and nothing of that has to be read. RFC 9051 §6.4.5.1."""
        header_octets = self.head.header_octets
        if self._octets is not None or header_octets > WHOLE_OCTETS:
            return None
        header = self.read(0, header_octets)
        # A scan of the header alone takes a multipart, whose parts it does not see, for plain text.
        return None if b"multipart" in header.lower() else scan(header).root

    async def _root(self) -> Part:
        if self._octets is not None and self.size_octets <= WHOLE_OCTETS:
            return self._content.scan.root
        known_parts = self._sources.known_parts
        key = (self._sources.account, self.head.email_id)
        root = known_parts.get(key)
        if root is None:
            parts = await self.apart(
                self.size_octets, lambda: scan(self.read(0, self.size_octets)).parts
            )
            root = parts[0]
            known_parts.put(key, root, len(parts))
        return root

    async def apart(self, size_octets: int, work: Callable[[], Made]) -> Made:
        """The result of work on `size_octets` at once; much work runs in a thread, so that other
        sessions go on. Raises StorageTrouble."""
        try:
            if size_octets < SCAN_APART_OCTETS:
                return work()
            async with self._sources.apart:
                return await trio.to_thread.run_sync(work)
        except OSError as error:
            raise StorageTrouble(str(error)) from error

    async def derive(
        self, size_octets: int, work: Callable[[], tuple[bytes, Made]]
    ) -> tuple[Octets, Made]:
        """Octets that work makes of `size_octets`, to be read; large ones are in a private file.

        Raises:
            StorageTrouble: the message cannot be read.
        """
        try:
            if size_octets <= WHOLE_OCTETS:
                octets, more = work()
                return Octets(Content.of(octets)), more
            async with self._sources.apart:
                octets, more = await trio.to_thread.run_sync(work)
                whole, spool = Content.of(octets), self._sources.spool
                content, file = await spool.set_aside(whole, above_octets=WHOLE_OCTETS)
                return Octets(content, file), more
        except OSError as error:
            raise StorageTrouble(str(error)) from error
