"""Annotations of a mailbox, or of the account as a whole. RFC 5464."""

from __future__ import annotations

from typing import Final

import apsw
from thurn.plugin import TooLarge

from thurn_store_spool.query import select

ENTRY_OCTETS: Final = 1_024
"""RFC 5464 entry names are short paths; this is far above."""

VALUE_OCTETS: Final = 65_536
"""RFC 5464 §4.2.1 lets a server bound values; comments and settings are far below."""


def check_annotation(entry: str, value: bytes | None) -> None:
    """Raises TooLarge when name or value is over its bound."""
    if len(entry) > ENTRY_OCTETS or (value is not None and len(value) > VALUE_OCTETS):
        raise TooLarge


def read_annotations(connection: apsw.Connection, mailbox: int) -> dict[str, bytes]:
    """By entry name."""
    return dict(
        select(
            connection,
            "SELECT entry, value FROM annotation WHERE mailbox = ? ORDER BY entry",
            (mailbox,),
        )
    )
