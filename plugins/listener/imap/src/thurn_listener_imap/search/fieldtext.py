"""One header field of all messages of a mailbox as one text, so that a search is one look.

Rules of this file: each value stands behind a NUL, and no text that is searched for has a NUL, so
that each match lies within one message. Values are as `field_text` compares them, in UTF-8. A
message never changes, so values are only added.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from thurn_message.fields import read_fields
from thurn_message.limits import MAX_HEADER_FIELDS

from thurn_listener_imap.search.text import field_reader

_SHORTEST_FIELD_OCTETS: Final = 4
_FEW_FIELDS_OCTETS: Final = _SHORTEST_FIELD_OCTETS * MAX_HEADER_FIELDS
"""Octets of a header up to which it cannot have more fields than `read_fields` reads; the shortest
field is `a:` and a line end."""


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
        """The octets that it takes in memory."""
        return len(self._octets) + len(self.uids) * (self.uids.itemsize + self._ends.itemsize)

    @property
    def last_uid(self) -> int:
        """The UID of the newest message; 0 without messages."""
        return self.uids[-1] if self.uids else 0

    def add(self, uids: Sequence[int], values: Iterable[bytes]) -> None:
        """Add newer messages, with a value for each."""
        ends, end = self._ends, len(self._octets)
        parts = list(values)
        for part in parts:
            end += len(part)
            ends.append(end)
        self.uids.extend(uids)
        self._octets += b"".join(parts)

    def join(self, other: FieldText) -> None:
        """Add those messages of the other one that are newer."""
        first = bisect_right(other.uids, self.last_uid)
        start = other._ends[first - 1] if first else 0
        shift = len(self._octets) - start
        self.uids += other.uids[first:]
        self._ends.extend([end + shift for end in other._ends[first:]])
        self._octets += other._octets[start:]

    def find(self, needle: bytes, first: int, most: int) -> list[int]:
        """The indexes of messages whose value has a text.

        Args:
            needle: the text, folded and without NUL; b"": the field exists.
            first: the index to begin with.
            most: how many indexes are returned at most.
        """
        octets, ends = self._octets, self._ends
        needle = needle or b"\0"
        matches: list[int] = []
        n = first - 1
        at = octets.find(needle, ends[n] if first else 0)
        while at >= 0 and len(matches) < most:
            n = bisect_right(ends, at, n + 1)
            matches.append(n)
            at = octets.find(needle, ends[n])
        return matches

    def positions(self, indexes: list[int], uids: array[int]) -> list[int]:
        """Where these messages stand among the UIDs of a view; others are left out."""
        if uids == self.uids:
            return indexes
        positions: list[int] = []
        at, count = 0, len(uids)
        for n in indexes:
            uid = self.uids[n]
            at = bisect_left(uids, uid, at)
            if at == count:
                break
            if uids[at] == uid:
                positions.append(at)
        return positions


def value_reader(name: bytes) -> Callable[[bytes | None], bytes]:
    """A function from a message's header fields to its part of a `FieldText`.

    Args:
        name: of the field, in lower case.
    """
    either = "".join(f"[{c}{c.upper()}]" if c.isalpha() else re.escape(c) for c in name.decode())
    pattern = rb"\n%b[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)" % either.encode()
    find = re.compile(pattern).findall
    text_of = field_reader(name)

    def read(header: bytes | None) -> bytes:
        if not header:
            return b""
        if len(header) <= _FEW_FIELDS_OCTETS and header.endswith(b"\n"):
            raws = [raw + b"\n" for raw in find(b"\n" + header)]
        else:
            fields = read_fields(header, 0, len(header))
            raws = [header[field.value : field.end] for field in fields if field.name == name]
        return b"".join([b"\0" + text_of(raw).encode("utf-8", "surrogatepass") for raw in raws])

    return read
