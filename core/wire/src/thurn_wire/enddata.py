r"""The end-of-data machine of SMTP: reads what DATA brings, up to CRLF.CRLF and nothing else.

    content-and-end = *( line CRLF ) "." CRLF      ; the CRLF of DATA itself counts as one before it

Rules of this file:
1. Lines are not looked at: the end is searched in each chunk and a tail of at most six octets.
2. LF.LF, CR.CR, LF.CRLF, CRLF.LF and their like end nothing. The content goes on to its true end,
   where it is refused for its bare line ends, or they are normalized (`Collector`).
   RFC 5321 §2.3.8, §4.1.1.4; CVE-2023-51764, CVE-2023-51765, CVE-2023-51766.
3. Content that is too large is read to its true end as well, so that the dialogue stays in step.
4. `stuff` writes content: whatever it holds, only CRLF goes out, and only the end looks like one.
"""

from __future__ import annotations

from typing import Final

from thurn_wire.collector import ANY_LINE_END, CRLF, Collected, Collector, has_bare_line_ends

END: Final = b"\r\n.\r\n"


class EndOfData:
    r"""Takes octets until the end of data.

    >>> end = EndOfData(limit_octets=1000)
    >>> end.feed(b"Subject: x\r\n\r\n..\r")
    >>> end.feed(b"\n.\r\nQUIT\r\n")
    b'QUIT\r\n'
    >>> end.finish().octets
    b'Subject: x\r\n\r\n.\r\n'

    Args:
        limit_octets: see `Collector`.
        spill_octets: see `Collector`.
        normalizes: see `Collector`; the end is found before, in the octets as they were received.
    """

    __slots__ = ("_collector", "_held", "_skip")

    def __init__(
        self, limit_octets: int, spill_octets: int | None = None, *, normalizes: bool = False
    ) -> None:
        self._collector = Collector(limit_octets, spill_octets, normalizes=normalizes)
        self._held = CRLF  # octets that may be part of the end
        self._skip = 2  # how many of them are not the message's: the CRLF of the DATA command

    @property
    def spills(self) -> bool:
        """As `Collector.spills`."""
        return self._collector.spills

    def feed(self, chunk: bytes) -> bytes | None:
        """Take octets; return those behind the end of data, or None if it has not come."""
        octets = self._held + chunk
        end = octets.find(b"\r\n.")
        if end >= 0 and octets[end + 3 : end + 5] != CRLF:
            self._collector.stuffed = True
            end = octets.find(END, end + 2)
        if end >= 0:
            self._collector.add(octets[self._skip : end + 2])
            return octets[end + 5 :]
        if len(octets) > 6:
            self._collector.add(octets[self._skip : -4])
            self._held, self._skip = octets[-4:], 0
        else:
            self._held = octets
        return None

    def take_chunks(self) -> bytes:
        """As `Collector.take_chunks`."""
        return self._collector.take_chunks()

    @property
    def held_octets(self) -> int:
        """As `Collector.held_octets`."""
        return self._collector.held_octets

    def spill(self) -> bytes:
        """As `Collector.spill`."""
        return self._collector.spill()

    def finish(self) -> Collected:
        """After the end: the content, or why it must be refused."""
        return self._collector.finish()


def stuff(content: bytes) -> bytes:
    r"""The octets that DATA sends for this content, with the end of data.

    Only CRLF line ends go out, whatever the content holds, and a last line without an end gets
    one: no server, however it reads line ends, can take anything inside for the end of data.

    >>> stuff(b".\n.x")
    b'..\r\n..x\r\n.\r\n'

    RFC 5321 §4.5.2.
    """
    if has_bare_line_ends(content):
        content = ANY_LINE_END.sub(CRLF, content)
    if content and not content.endswith(CRLF):
        content += CRLF
    if content.startswith(b"."):
        content = b"." + content
    return content.replace(b"\r\n.", b"\r\n..") + b".\r\n"
