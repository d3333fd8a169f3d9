"""Makes what is stored for SCRAM: RFC 5803's text, `SCRAM-SHA-256$i:salt$StoredKey:ServerKey`.

Blocks for milliseconds: call it in a thread.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from typing import Final

HASHES: Final = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
SALT_OCTETS: Final = 16

_BASE64: Final = r"[A-Za-z0-9+/]+={0,2}"
_TEXT: Final = re.compile(rf"(SCRAM-SHA-(?:1|256))\$[1-9]\d{{0,8}}:{_BASE64}\${_BASE64}:{_BASE64}")


def make_stored_key(scheme: str, prepared: str, iterations: int) -> str:
    """What is stored for a password that `saslprep` has prepared.

    RFC 5802 §3, RFC 7677, RFC 5803.
    """
    name, salt = HASHES[scheme], os.urandom(SALT_OCTETS)
    salted = hashlib.pbkdf2_hmac(name, prepared.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", name)
    stored_key = hashlib.new(name, client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", name)
    return f"{scheme}${iterations}:{_text(salt)}${_text(stored_key)}:{_text(server_key)}"


def scheme_of(text: str) -> str | None:
    """The scheme of such a text; None if it is none."""
    match = _TEXT.fullmatch(text)
    return None if match is None else match[1]


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
