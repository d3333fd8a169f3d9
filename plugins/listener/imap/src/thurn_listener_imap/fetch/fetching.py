r"""Runs a plan over messages: batches from the store, responses to the client.

Rules of this file:
1. A batch is read, written and sent before the next; a client that does not read stops the work.
   Batches begin small and grow as long as their responses stay small. Bodies are read
   `WHOLE_OCTETS` at a time, or one at a time. While a response goes out, nothing large is in
   memory: a large body comes from a file, and what has been sent is not kept.
2. \Seen is set for a batch before its octets go out, so that the responses can tell it. Messages
   whose flag cannot be set are read all the same.
3. Messages that are gone, or cannot be read, are left out and counted; the others are answered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from thurn.plugin import Content, FlagChange, MessageExpunged, MessageSummary, StorageError

from thurn_listener_imap.fetch.batch import Batch
from thurn_listener_imap.fetch.item import CannotDecode
from thurn_listener_imap.fetch.plan import Plan
from thurn_listener_imap.fetch.source import Head, Source, Sources
from thurn_listener_imap.limits import (
    BATCH_MESSAGES,
    BATCH_OCTETS,
    COLUMNS_OCTETS,
    FIRST_BATCH_MESSAGES,
    SUMMARIES_OCTETS,
    WHOLE_OCTETS,
)
from thurn_listener_imap.mailbox.flags import SEEN
from thurn_listener_imap.mailbox.numbers import Span
from thurn_listener_imap.mailbox.selected import OwnChange, Selected
from thurn_listener_imap.output import Output

SET_SEEN = OwnChange(FlagChange.ADD, ("\\Seen",))


@dataclass(slots=True)
class FetchReport:
    """What a FETCH could not do, and the changes it made.

    Attributes:
        gone: how many messages do not exist any more.
        undecodable: how many parts have an unknown encoding.
        failures: errors of the store about messages that it could not read.
        unmarked: errors of the store about messages that could not be marked as Seen.
        own: flag changes that were made, by their MODSEQ.
    """

    gone: int = 0
    undecodable: int = 0
    failures: list[StorageError] = field(default_factory=list)
    unmarked: list[StorageError] = field(default_factory=list)
    own: dict[int, OwnChange] = field(default_factory=dict)


class Fetching:
    """One FETCH under way.

    Args:
        selected: the mailbox.
        plan: what is asked.
        output: where the responses go.
        sources: opens messages of the account.
        sets_seen: reading may mark messages as Seen.
        with_modseq: responses that tell flags tell the MODSEQ as well. RFC 7162 §3.2.
    """

    def __init__(
        self,
        selected: Selected,
        plan: Plan,
        output: Output,
        sources: Sources,
        *,
        sets_seen: bool,
        with_modseq: bool,
    ) -> None:
        self._selected = selected
        self._plan = plan
        self._output = output
        self._sources = sources
        self._sets_seen = sets_seen and plan.sets_seen
        self._with_modseq = with_modseq
        self._step = FIRST_BATCH_MESSAGES
        self._report = FetchReport()

    async def run(self, spans: Iterable[Span]) -> FetchReport:
        """Answer for the messages at these positions of what the client has been told.

        Raises:
            StorageError: the store failed between two messages.
            CutOff: a literal could not be written to its end.
        """
        for positions in self._batches(spans):
            await self._run_batch(positions)
            await self._output.relieve()
        return self._report

    def _batches(self, spans: Iterable[Span]) -> Iterator[Sequence[int]]:
        """Positions, one batch at a time; short spans are joined."""
        waiting: list[int] = []
        for low, high in spans:
            start = low
            while start < high:
                end = min(start + max(self._step - len(waiting), 1), high)
                if not waiting and end - start >= self._step:
                    yield range(start, end)
                else:
                    waiting += range(start, end)
                    if len(waiting) >= self._step:
                        yield waiting
                        waiting = []
                start = end
        if waiting:
            yield waiting

    async def _run_batch(self, positions: Sequence[int]) -> None:
        low, high = positions[0], positions[-1] + 1
        batch = Batch(self._selected.told, low, high, self._selected.flags)
        if high - low > len(positions):
            batch.positions = list(positions)
        if self._plan.summary:
            await self._summarize(batch)
            if not batch.summaries:
                return
            if len(batch.summaries) > 1 and self._is_heavy(batch):
                remaining = list(batch.places)
                del batch
                for position in remaining:
                    await self._run_batch((position,))
                    await self._output.relieve()
                return
            await self._read_headers(batch)
        if self._sets_seen:
            await self._set_seen(batch)
        await self._answer(batch)

    async def _summarize(self, batch: Batch) -> None:
        asked = await self._selected.mailbox.summaries(batch.column(batch.view.uids))
        existing: list[MessageSummary] = [summary for summary in asked if summary is not None]
        if len(existing) < len(asked):
            self._report.gone += len(asked) - len(existing)
            pairs = zip(batch.places, asked, strict=True)
            batch.positions = [at for at, summary in pairs if summary is not None]
        batch.summaries = existing

    def _is_heavy(self, batch: Batch) -> bool:
        """Whether a slow client would keep more of it in memory than one session may."""
        octets = 0
        for one in batch.summaries:
            octets += len(one.envelope) + len(one.bodystructure) + len(one.body)
            if self._plan.whole_headers and one.header_octets == one.size_octets:
                octets += one.header_octets
        return octets > (SUMMARIES_OCTETS if self._plan.writers else COLUMNS_OCTETS)

    async def _read_headers(self, batch: Batch) -> None:
        if not self._plan.whole_headers:
            return
        for summary in batch.summaries:
            if summary.header_octets == summary.size_octets:
                try:
                    with await self._open(summary.uid, Head.of(summary), None) as source:
                        batch.headers[summary.uid] = source.read(0, summary.header_octets)
                except StorageError as error:
                    self._failed(error)

    async def _set_seen(self, batch: Batch) -> None:
        view = batch.view
        unseen = [at for at in batch.places if not view.flags[at] & SEEN]
        if not unseen:
            return
        uids = [view.uids[at] for at in unseen]
        try:
            result = await self._selected.mailbox.flag(uids, SET_SEEN.change, SET_SEEN.flags)
        except StorageError as error:
            self._report.unmarked.append(error)
            return
        self._report.own[result.modseq] = SET_SEEN
        batch.seen = dict.fromkeys(unseen, result.modseq)

    async def _answer(self, batch: Batch) -> None:
        """The responses; those that become Seen tell their flags."""
        plan = self._plan
        if batch.seen:
            plan = plan.with_flags(modseq=self._with_modseq)
        if not plan.writers:
            responses = plan.responses(batch)
            self._output.write(responses)
            usual_octets = len(responses) // len(batch.places) + 1
            self._step = max(1, min(2 * self._step, BATCH_MESSAGES, BATCH_OCTETS // usual_octets))
            return
        await self._answer_each(plan, batch)

    async def _answer_each(self, plan: Plan, batch: Batch) -> None:
        """The responses of messages whose octets are read, one after the other."""
        beginnings = deque(plan.beginnings(batch))
        heads: Sequence[Head | None]
        heads = [Head.of(summary) for summary in batch.summaries] or [None] * len(beginnings)
        batch.summaries = ()
        uids, sizes = batch.column(batch.view.uids), batch.column(batch.view.sizes)
        start = 0
        while start < len(uids):
            end = _end_within(sizes, start)
            contents: deque[Content | None] = deque([None])
            if sizes[start] <= WHOLE_OCTETS:
                contents = deque(await self._selected.mailbox.bodies(uids[start:end]))
            for n in range(start, end):
                held = _HeldResponse(self._output, beginnings.popleft())
                try:
                    with await self._open(uids[n], heads[n], contents.popleft()) as source:
                        for writer in plan.writers:
                            await writer.write(source, held)
                            held.space()
                except (StorageError, CannotDecode) as error:
                    self._failed(error)
                held.end()
                await self._output.relieve()
            start = end

    async def _open(self, uid: int, head: Head | None, content: Content | None) -> Source:
        """A message to be read; nothing else refers to its octets."""
        if content is not None:
            return Source(head, content, self._sources)
        async with self._sources.apart:
            content = await self._selected.mailbox.body(uid)  # or raises why it cannot be read
            return await self._sources.open(head, content)

    def _failed(self, error: StorageError | CannotDecode) -> None:
        if isinstance(error, CannotDecode):
            self._report.undecodable += 1
        elif isinstance(error, MessageExpunged):
            self._report.gone += 1
        else:
            self._report.failures.append(error)


def _end_within(sizes: Sequence[int], start: int) -> int:
    """The end of a run of messages that have `WHOLE_OCTETS` at most; at least one message."""
    end, octets = start + 1, sizes[start]
    while end < len(sizes) and octets + sizes[end] <= WHOLE_OCTETS:
        octets += sizes[end]
        end += 1
    return end


class _HeldResponse:
    """The output of one response: its beginning is held back until its first item is written, so
    that a message that cannot be read has no response; a response that fails later is closed."""

    __slots__ = ("_beginning", "_begun", "_output", "_spaces")

    def __init__(self, output: Output, beginning: bytes) -> None:
        self._output = output
        self._beginning = beginning
        self._begun = False
        self._spaces = False

    def write(self, octets: bytes) -> None:
        if not self._begun:
            self._output.write(self._beginning)
            self._beginning = b""
            self._begun = True
        elif self._spaces:
            self._output.write(b" ")
        self._spaces = False
        self._output.write(octets)

    async def relieve(self) -> None:
        await self._output.relieve()

    def space(self) -> None:
        self._spaces = True

    def end(self) -> None:
        if self._begun:
            self._output.write(b")\r\n")
