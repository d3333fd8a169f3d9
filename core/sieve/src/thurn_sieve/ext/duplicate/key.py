"""The key of a duplicate test; messages with the same key are duplicates. RFC 7352 §3."""

from __future__ import annotations

import hashlib
from typing import Final

from thurn_message.encodedword import decode_words
from thurn_message.scanner import Scan

DEFAULT_SECONDS: Final = 604_800
"""Time in seconds that an id is remembered without `:seconds`: a week, as RFC 7352 §3 proposes."""


def field_identifier(scan: Scan, name: str) -> str | None:
    """The id in the first field of this name: its value unfolded, decoded, and trimmed.

    None: there is no such field; the message has no id and is not a duplicate.

    RFC 7352 §3.
    """
    # RFC 7352 §3: an invalid name MUST NOT be an error; the message has no such field.
    raw = scan.get(name.lower().encode(errors="replace"))
    return None if raw is None else decode_words(raw).strip()


def tracking_key(identifier: str, handle: str | None) -> str:
    """The key under which an id is remembered; its length does not depend on the id.

    Args:
        identifier: the id; equal ids from a field and from `:uniqueid` have the same key.
        handle: the handle of the test, or None; tests with different handles do not share ids.

    RFC 7352 §3.
    """
    text = f"{'none' if handle is None else f'handle {len(handle)} {handle}'} {identifier}"
    return "duplicate " + hashlib.sha256(text.encode(errors="replace")).hexdigest()[:40]
