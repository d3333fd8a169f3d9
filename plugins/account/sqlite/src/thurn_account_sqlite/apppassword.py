"""App passwords: made here from 140 random bits, and shown once.

Nobody can guess 140 bits, however fast a guess is, so a salted SHA-256 protects them as well as
argon2 would, and a login by one costs microseconds. Only the 28 characters count; dashes, spaces
and case do not.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

SCHEME: Final = "APP-SHA256"
"""The scheme of stored app passwords."""
CHARACTERS: Final = 28
"""Characters of an app password, of five bits each. 26 would be enough, but seven groups of four
are easier to copy."""
GROUP: Final = 4
"""Characters in a group between dashes."""
SALT_OCTETS: Final = 16
"""Length in octets of the random salt of a stored app password."""

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no two characters look alike."""
_READ: Final = str.maketrans("oil", "011", "- ")
"""Characters that people type for others, and characters that do not count."""


def make_app_password() -> str:
    """A new app password as it is shown: seven groups of four characters."""
    text = "".join(secrets.choice(_ALPHABET) for _ in range(CHARACTERS))
    return "-".join(text[i : i + GROUP] for i in range(0, CHARACTERS, GROUP))


def hash_app_password(shown: str) -> str:
    """The text that is stored for an app password: the salt and the digest."""
    salt = secrets.token_hex(SALT_OCTETS)
    return f"{salt}${_digest(salt, read_app_password(shown) or '')}"


def read_app_password(secret: str) -> str | None:
    """The characters of a secret that has the form of an app password; None for other secrets."""
    if len(secret) > 2 * CHARACTERS or not secret.isascii():
        return None
    text = secret.lower().translate(_READ)
    return text if len(text) == CHARACTERS and not text.strip(_ALPHABET) else None


def matches(stored: str, characters: str) -> bool:
    """Whether the stored text was made from these characters; takes constant time."""
    salt, _, digest = stored.partition("$")
    return hmac.compare_digest(digest, _digest(salt, characters))


def _digest(salt: str, characters: str) -> str:
    return hashlib.sha256(f"{salt}${characters}".encode()).hexdigest()
