"""The key of a duplicate test: what makes two messages one. RFC 7352 §3."""

from __future__ import annotations

import hashlib
from typing import Final

from thurn_message.encodedword import decode_words
from thurn_message.scanner import Scan

SECONDS: Final = 604_800
"""How long an id is remembered without `:seconds`: a week, as RFC 7352 §3 proposes."""


def field_identifier(scan: Scan, name: str) -> str | None:
    """The id that the first field of a name gives, or None: no id, and so no duplicate.

    RFC 7352 §3: unfolded, decoded, trimmed; of several fields only the first counts.
    """
    # RFC 7352 §3: an invalid name MUST NOT be an error; there is no such field.
    raw = scan.get(name.lower().encode(errors="replace"))
    return None if raw is None else decode_words(raw).strip()


def tracking_key(identifier: str, handle: str | None) -> str:
    """The key under which an id is remembered, short whatever it is.

    Args:
        identifier: wherever it came from: equal ids of a field and of `:uniqueid` are one.
        handle: of the test; tests of other handles, or without one, remember apart.

    RFC 7352 §3.
    """
    text = f"{'none' if handle is None else f'handle {len(handle)} {handle}'} {identifier}"
    return "duplicate " + hashlib.sha256(text.encode(errors="replace")).hexdigest()[:40]
