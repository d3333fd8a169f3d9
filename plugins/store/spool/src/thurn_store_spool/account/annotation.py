"""Annotations of a mailbox, or of the account as a whole. RFC 5464."""

from __future__ import annotations

from typing import Final

import apsw
from thurn.plugin import TooLarge

from thurn_store_spool.index.query import select

ENTRY_CHARACTERS: Final = 1_024
"""The longest entry name; RFC 5464's are short paths."""

VALUE_OCTETS: Final = 65_536
"""The largest value, which RFC 5464 §4.2.1 lets a server bound; comments and settings are small."""


def check_annotation(entry: str, value: bytes | None) -> None:
    """Raises TooLarge when the name or the value is over its bound."""
    if len(entry) > ENTRY_CHARACTERS or (value is not None and len(value) > VALUE_OCTETS):
        raise TooLarge


def read_annotations(connection: apsw.Connection, mailbox: int) -> dict[str, bytes]:
    """The values by entry name."""
    return dict(
        select(
            connection,
            "SELECT entry, value FROM annotation WHERE mailbox = ? ORDER BY entry",
            (mailbox,),
        )
    )
