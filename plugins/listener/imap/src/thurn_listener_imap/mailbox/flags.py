r"""Flags of messages: from the bit masks of a store to the words of a response, and back.

Rules of this file: a mask is turned into octets once and kept for all sessions of the worker. Real
mailboxes have few different masks, and the number kept is bounded.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

SEEN: Final = 1
DELETED: Final = 8
"""Bits of system flags, the same in every mailbox (`thurn.plugin.SYSTEM_FLAGS`)."""

TABLES: Final = 256
"""Flag tables kept by a worker: one for all mailboxes that have the same keywords in one order."""
MASKS: Final = 1_024
"""Masks kept in one flag table; with more of them the table starts anew."""


class FlagTable:
    """The flags of all mailboxes that have these names, as they stand in responses."""

    __slots__ = ("_bits", "_texts", "names")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._texts: dict[int, bytes] = {}
        self._bits = {name.casefold(): 1 << bit for bit, name in enumerate(names)}

    def text(self, mask: int) -> bytes:
        r"""The flags of a mask, such as `\Seen $Junk`; b"" without flags."""
        text = self._texts.get(mask)
        if text is None:
            if len(self._texts) >= MASKS:
                self._texts.clear()
            words = [name for bit, name in enumerate(self.names) if mask >> bit & 1]
            text = self._texts[mask] = " ".join(words).encode()
        return text

    def bit(self, name: str) -> int:
        """The bit of a flag, in any case; 0 for a flag that no message has."""
        return self._bits.get(name.casefold(), 0)

    def mask(self, names: tuple[str, ...]) -> int:
        """The bits of those flags that the mailbox knows."""
        mask = 0
        for name in names:
            mask |= self.bit(name)
        return mask


@lru_cache(TABLES)
def flag_table(names: tuple[str, ...]) -> FlagTable:
    """The table of these names, shared by all sessions."""
    return FlagTable(names)
