"""The maildrop of one session: numbers 1 to n, sizes, unique-ids and deletion marks.

Rules of this file:
1. The columns are fixed at login: numbers never move during a session. RFC 1939 §5.
2. A message that is marked as deleted does not exist for any command but RSET; nothing is removed
   until the session answers `Update`. RFC 1939 §5, §6.
3. Lists are made as a whole by C primitives: 10,000 messages take some milliseconds.

This file knows no store and no socket.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import compress
from typing import Final

from thurn_wire.pop3 import limits

_UIDS: Final = re.compile(rf"(?:[!-~]{{1,{limits.UID_OCTETS}}}\n)*")


class Maildrop:
    r"""The messages that STAT, LIST, UIDL, DELE and RSET are about.

    >>> drop = Maildrop([120, 200], ["a1", "b2"])
    >>> drop.count, drop.octets
    (2, 320)
    >>> drop.delete(1), drop.exists(1), drop.listing()
    (True, False, b'2 200\r\n')
    >>> drop.deleted
    (1,)
    """

    __slots__ = ("_deleted_count", "_octets", "_present", "_sizes", "_uids")

    def __init__(self, sizes: Sequence[int], uids: Sequence[str]) -> None:
        """Take the columns, which are not copied and must not change.

        Args:
            sizes: the size of each message (`content.size_octets`).
            uids: the unique-ids in the same order; they are the same in every session.

        Raises:
            ValueError: the columns have different lengths, a size is negative, a unique-id is not
                1 to 70 octets from 0x21 to 0x7E, or two messages have one. RFC 1939 §7 (UIDL).
        """
        if len(sizes) != len(uids):
            raise ValueError(f"{len(sizes)} sizes for {len(uids)} unique-ids")
        if sizes and min(sizes) < 0:
            raise ValueError("a size is negative")
        lines = "".join(map("%s\n".__mod__, uids))
        if not _UIDS.fullmatch(lines) or lines.count("\n") != len(uids):
            raise ValueError("a unique-id is not 1 to 70 printable octets")
        if len(set(uids)) != len(uids):
            raise ValueError("two messages have one unique-id")
        self._sizes = sizes
        self._uids = uids
        self._present = bytearray(b"\1") * len(sizes)
        self._octets = sum(sizes)
        self._deleted_count = 0

    @property
    def count(self) -> int:
        """How many messages are not marked as deleted."""
        return len(self._sizes) - self._deleted_count

    @property
    def octets(self) -> int:
        """The size of all messages that are not marked as deleted."""
        return self._octets

    @property
    def deleted(self) -> tuple[int, ...]:
        """The numbers that are marked as deleted, in order: QUIT removes them. RFC 1939 §6."""
        if not self._deleted_count:
            return ()
        return tuple(number for number, here in enumerate(self._present, 1) if not here)

    def exists(self, number: int) -> bool:
        """Whether the message exists and is not marked as deleted."""
        return 1 <= number <= len(self._sizes) and self._present[number - 1] == 1

    def size(self, number: int) -> int:
        """The size of a message, which must exist."""
        return self._sizes[number - 1]

    def uid(self, number: int) -> str:
        """The unique-id of a message, which must exist."""
        return self._uids[number - 1]

    def delete(self, number: int) -> bool:
        """Mark a message as deleted; False if it does not exist. RFC 1939 §5 (DELE)."""
        if not self.exists(number):
            return False
        self._present[number - 1] = 0
        self._deleted_count += 1
        self._octets -= self._sizes[number - 1]
        return True

    def reset(self) -> None:
        """Remove all marks. RFC 1939 §5 (RSET)."""
        self._present = bytearray(b"\1") * len(self._sizes)
        self._octets = sum(self._sizes)
        self._deleted_count = 0

    def listing(self) -> bytes:
        """All scan listings: number and size, a line for each message. RFC 1939 §5 (LIST)."""
        return self._lines(self._sizes)

    def uid_listing(self) -> bytes:
        """All unique-id listings: number and unique-id, a line for each. RFC 1939 §7 (UIDL)."""
        return self._lines(self._uids)

    def _lines(self, column: Sequence[object]) -> bytes:
        rows = enumerate(column, 1)
        present = compress(rows, self._present) if self._deleted_count else rows
        return "".join(map("%d %s\r\n".__mod__, present)).encode("ascii")
