"""The stored keys of SCRAM, and the preparation of names and passwords (SASLprep).

Code that sets passwords and the mechanism itself share it, since both must do the same. RFC 5802,
RFC 7677, RFC 5803; SASLprep is RFC 4013 with the tables of Unicode 3.2 (RFC 3454).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import stringprep
from typing import Final
from unicodedata import ucd_3_2_0

HASHES: Final = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
"""The hash function of each scheme, as hashlib names it."""
SALT_OCTETS: Final = 16
"""Length in octets of the random salt of a stored key; two accounts never have the same."""

_BASE64: Final = r"[A-Za-z0-9+/]+={0,2}"
_TEXT: Final = re.compile(rf"(SCRAM-SHA-(?:1|256))\$[1-9]\d{{0,8}}:{_BASE64}\${_BASE64}:{_BASE64}")

_PROHIBITED: Final = (
    stringprep.in_table_c12,  # spaces beyond ASCII
    stringprep.in_table_c21_c22,  # controls
    stringprep.in_table_c3,  # private use
    stringprep.in_table_c4,  # noncharacter code points
    stringprep.in_table_c5,  # surrogates
    stringprep.in_table_c6,  # inappropriate for plain text
    stringprep.in_table_c7,  # inappropriate for canonical representation
    stringprep.in_table_c8,  # change the display, or deprecated
    stringprep.in_table_c9,  # tags
)


def saslprep(text: str, *, stored: bool = False) -> str:
    """The prepared form of a name or password; may be empty.

    Args:
        text: the text as typed.
        stored: whether the result is stored. Then code points that Unicode 3.2 does not assign are
            refused as well. RFC 4013 §2.5.

    Raises:
        ValueError: the text has a prohibited character, or mixes directions of writing.

    RFC 4013 §2.
    """
    if text.isascii() and text.isprintable():
        return text
    # RFC 4013 §2.1: non-ASCII spaces become SPACE; characters that are commonly mapped to nothing
    # are left out.
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in text
        if not stringprep.in_table_b1(character)
    )
    prepared = ucd_3_2_0.normalize("NFKC", mapped)  # §2.2
    if any(table(character) for character in prepared for table in _PROHIBITED):
        raise ValueError("prohibited character")
    if stored and any(stringprep.in_table_a1(character) for character in prepared):
        raise ValueError("unassigned character")
    _check_directions(prepared)
    return prepared


def _check_directions(text: str) -> None:
    """Raise ValueError if directions of writing are mixed. RFC 4013 §2.4, RFC 3454 §6."""
    if not any(stringprep.in_table_d1(character) for character in text):
        return
    mixed = any(stringprep.in_table_d2(character) for character in text)
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    if mixed or not ends:
        raise ValueError("right-to-left and left-to-right text are mixed")


def make_stored_key(scheme: str, prepared: str, iterations: int) -> str:
    """The stored key of a prepared password: `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`.

    Blocks for milliseconds, so call it in a thread. RFC 5802 §3, RFC 7677, RFC 5803.
    """
    name, salt = HASHES[scheme], os.urandom(SALT_OCTETS)
    salted = hashlib.pbkdf2_hmac(name, prepared.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", name)
    stored_key = hashlib.new(name, client_key).digest()
    server_key = hmac.digest(salted, b"Server Key", name)
    return f"{scheme}${iterations}:{_text(salt)}${_text(stored_key)}:{_text(server_key)}"


def scheme_of(text: str) -> str | None:
    """The scheme of a stored key; None if the text is not a stored key."""
    match = _TEXT.fullmatch(text)
    return None if match is None else match[1]


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")


__all__ = ["HASHES", "SALT_OCTETS", "make_stored_key", "saslprep", "scheme_of"]
