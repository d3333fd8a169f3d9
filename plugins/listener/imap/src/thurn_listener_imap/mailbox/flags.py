r"""Flags between bits of a column and words of the protocol.

Rules of this file: what a mask looks like is worked out once per set of names and kept for all
sessions of the worker; the number of different masks in real mailboxes is small, and kept small.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from thurn.plugin import SYSTEM_FLAGS

SEEN: Final = 1
ANSWERED: Final = 2
FLAGGED: Final = 4
DELETED: Final = 8
DRAFT: Final = 16
"""The bits of the system flags in every mailbox."""

TABLES: Final = 256
"""Sets of flag names that are kept: one for all mailboxes with the same keywords in one order."""
MASKS: Final = 1_024
"""Different masks kept per set of names; a mailbox with more starts anew."""


class FlagTable:
    """The flags of mailboxes with these names, as they stand in responses."""

    __slots__ = ("_bits", "_texts", "names")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._texts: dict[int, bytes] = {}
        self._bits = {name.casefold(): 1 << bit for bit, name in enumerate(names)}

    def text(self, mask: int) -> bytes:
        r"""The flags of a mask: `\Seen $Junk`; nothing for none."""
        text = self._texts.get(mask)
        if text is None:
            if len(self._texts) >= MASKS:
                self._texts.clear()
            words = [name for bit, name in enumerate(self.names) if mask >> bit & 1]
            text = self._texts[mask] = " ".join(words).encode()
        return text

    def bit(self, name: str) -> int:
        """The bit of a flag, in any case; 0 for one that no message has."""
        return self._bits.get(name.casefold(), 0)

    def mask(self, names: tuple[str, ...]) -> int:
        """The bits of all flags that are known."""
        mask = 0
        for name in names:
            mask |= self.bit(name)
        return mask

    @property
    def all(self) -> bytes:
        """Every flag of the mailbox."""
        return " ".join(self.names).encode()


@lru_cache(TABLES)
def flag_table(names: tuple[str, ...]) -> FlagTable:
    """The table of these names, shared."""
    return FlagTable(names)


NO_FLAGS: Final = flag_table(SYSTEM_FLAGS)
"""The table of a mailbox without keywords."""
