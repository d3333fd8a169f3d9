"""How the server takes content: DATA up to its end, BDAT by count.

Rules of this file:
1. Content that is refused is read to its end, then comes the reply: the dialogue stays in step.
2. Bare line ends and the size bound are the same for DATA, BDAT and LMTP.
3. The end of the peer's stream inside content is the end of the dialogue: no `Message` comes of it.

RFC 5321 §4.1.1.4, RFC 3030 §2, RFC 2033 §4.2.
"""

from __future__ import annotations

from collections.abc import Sequence

from thurn_wire.content import Collected
from thurn_wire.smtp import answer, event
from thurn_wire.smtp.dialogue import Dialogue
from thurn_wire.smtp.event import Event, Pause
from thurn_wire.smtp.reply import Reply
from thurn_wire.smtp.state import SERVER, Input, follow


class ContentReading(Dialogue):
    """Reads in the states CONTENT and CHUNK, and what follows a refused BDAT."""

    def read_content(self) -> Event | Pause | None:
        """What DATA brings."""
        end = self._end
        octets = self._lines.take_all()
        if not octets or end is None:
            return self._need_data()
        rest = end.feed(octets)
        if rest is None:
            return event.DataChunk(end.take_chunks()) if end.spills else None
        if rest:
            self._lines.receive(rest)
        return self._whole(end.finish(), chunked=False)

    def read_chunk(self) -> Event | Pause | None:
        """What BDAT brings."""
        collector = self._collector
        if collector is None:
            return self._need_data()
        if self._left_octets:
            octets = self._lines.take(self._left_octets)
            if not octets:
                return self._need_data()
            self._left_octets -= len(octets)
            collector.add(octets)
            return event.DataChunk(collector.take_chunks()) if collector.spills else None
        if self._last or collector.too_large:
            return self._whole(collector.finish(), chunked=True)
        self.state = follow(SERVER, self.state, Input.CHUNK_ENDED)
        self._out.append(answer.CHUNK_TAKEN.encode())
        return None

    def _whole(self, collected: Collected, *, chunked: bool) -> Event:
        if collected.octets is not None:
            self._awaiting = Input.MESSAGE_ENDED
            return event.Message(collected.octets, collected.size_octets, chunked)
        reply = answer.TOO_LARGE if collected.too_large else answer.BARE_LINE_ENDS
        self._answer_message(self._for_each(reply, whole=self._last or not chunked))
        self.count_error()
        return event.ContentRefused(reply, collected.size_octets)

    def _discard(self) -> Event | Pause | None:
        """Read away the octets of a refused BDAT, then refuse it. RFC 3030 §2."""
        if self._left_octets:
            octets = self._lines.take(self._left_octets)
            self._left_octets -= len(octets)
            return self._need_data() if not octets else None
        discarded, self._discarding = self._discarding, None
        if discarded is not None:
            self._out += [reply.encode() for reply in discarded.replies]
            if discarded.counts:
                self.count_error()
        return None

    def _for_each(self, reply: Reply, *, whole: bool) -> Sequence[Reply]:
        """The reply as often as the peer expects it: LMTP, once it has said that this is all.

        RFC 2033 §4.2, §4.3.
        """
        return [reply] * (self.accepted_recipients if self._lmtp and whole else 1)

    def _answer_message(self, replies: Sequence[Reply]) -> None:
        self._awaiting = None
        self._out += [reply.encode() for reply in replies]
        self.state = follow(SERVER, self.state, Input.MESSAGE_ENDED)
        self._forget_transaction()
        if any(reply.is_positive for reply in replies):
            self._errors = self._junk = 0
