"""One header field of all messages of a mailbox in one piece: what SEARCH finds is one look.

Rules of this file: each value stands behind a NUL, and no text that is looked for has one, so what
is found lies within one message. Values are as `field_text` compares them, in UTF-8, in which a
text stands where its characters do. What a message says never changes: a text is only added to.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from thurn_message.fields import read_fields
from thurn_message.limits import MAX_HEADER_FIELDS

from thurn_listener_imap.search.text import value_text

_SHORTEST_FIELD_OCTETS: Final = 4
_FEW_FIELDS_OCTETS: Final = _SHORTEST_FIELD_OCTETS * MAX_HEADER_FIELDS
"""A header up to here has no more fields than are read of one: `to:` and a line end."""


class FieldText:
    """See the module.

    Attributes:
        uids: the messages, ascending.
    """

    __slots__ = ("_ends", "_octets", "uids")

    def __init__(self) -> None:
        self.uids = array("I")
        self._octets = bytearray()
        self._ends = array("Q")

    @property
    def size_octets(self) -> int:
        """What it takes in memory."""
        return len(self._octets) + len(self.uids) * (self.uids.itemsize + self._ends.itemsize)

    @property
    def last_uid(self) -> int:
        """The newest message; 0 without any."""
        return self.uids[-1] if self.uids else 0

    def add(self, uids: Sequence[int], values: Iterable[bytes]) -> None:
        """More messages, newer than those that are there; a value for each."""
        ends, end = self._ends, len(self._octets)
        parts = list(values)
        for part in parts:
            end += len(part)
            ends.append(end)
        self.uids.extend(uids)
        self._octets += b"".join(parts)

    def join(self, other: FieldText) -> None:
        """What the other one has of newer messages."""
        first = bisect_right(other.uids, self.last_uid)
        start = other._ends[first - 1] if first else 0
        shift = len(self._octets) - start
        self.uids += other.uids[first:]
        self._ends.extend([end + shift for end in other._ends[first:]])
        self._octets += other._octets[start:]

    def find(self, needle: bytes, first: int, most: int) -> list[int]:
        """Up to so many of the messages from the first on that have the text, by their index.

        Args:
            needle: folded, without a NUL; nothing: the field is there.
            first: the index to begin with.
            most: how many.
        """
        octets, ends = self._octets, self._ends
        needle = needle or b"\0"
        found: list[int] = []
        n = first - 1
        at = octets.find(needle, ends[n] if first else 0)
        while at >= 0 and len(found) < most:
            n = bisect_right(ends, at, n + 1)
            found.append(n)
            at = octets.find(needle, ends[n])
        return found

    def positions(self, found: list[int], uids: array[int]) -> list[int]:
        """Where the messages stand among these UIDs; without those that do not."""
        if uids == self.uids:
            return found
        here: list[int] = []
        at, count = 0, len(uids)
        for n in found:
            uid = self.uids[n]
            at = bisect_left(uids, uid, at)
            if at == count:
                break
            if uids[at] == uid:
                here.append(at)
        return here


def value_reader(name: bytes) -> Callable[[bytes | None], bytes]:
    """A function that gives the part of a `FieldText` that a message's header fields make.

    Args:
        name: of the field, in lower case.
    """
    either = "".join(f"[{c}{c.upper()}]" if c.isalpha() else re.escape(c) for c in name.decode())
    pattern = rb"\n%b[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)" % either.encode()
    find = re.compile(pattern).findall

    def read(header: bytes | None) -> bytes:
        if not header:
            return b""
        if len(header) <= _FEW_FIELDS_OCTETS and header.endswith(b"\n"):
            raws = [raw + b"\n" for raw in find(b"\n" + header)]
        else:
            fields = read_fields(header, 0, len(header))
            raws = [header[field.value : field.end] for field in fields if field.name == name]
        return b"".join([b"\0" + _octets(raw) for raw in raws])

    return read


def _octets(raw: bytes) -> bytes:
    return value_text(raw).encode("utf-8", "surrogatepass")
