"""The form of what is stored for SCRAM: `SCRAM-SHA-256$4096:salt$StoredKey:ServerKey`.

RFC 5803 §2, without the LDAP attribute around it.
"""

from __future__ import annotations

import re
from typing import Final

_BASE64: Final = r"[A-Za-z0-9+/]+={0,2}"
_TEXT: Final = re.compile(rf"([A-Z0-9-]+)\$[1-9]\d{{0,8}}:{_BASE64}\${_BASE64}:{_BASE64}")


def is_scram_key(scheme: str, text: str) -> bool:
    """Whether the text is a stored key of this scheme."""
    match = _TEXT.fullmatch(text)
    return match is not None and match[1] == scheme
