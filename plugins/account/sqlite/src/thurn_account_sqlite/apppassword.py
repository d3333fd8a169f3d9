"""App passwords: made here, 140 random bits, shown once.

Nobody can guess 140 bits, however fast a guess is: one salted SHA-256 keeps them as safe as argon2
would, and a login by one costs microseconds. What is looked at is the 28 characters, whatever
dashes, spaces and case they come with.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

SCHEME: Final = "APP-SHA256"
CHARACTERS: Final = 28
"""Of five bits each; 26 would be 130 bits, but seven fours are easier to copy."""
GROUP: Final = 4
SALT_OCTETS: Final = 16

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's: nothing that looks like something else."""
_READ: Final = str.maketrans("oil", "011", "- ")


def make_app_password() -> str:
    """A new one, as it is shown: seven groups of four."""
    text = "".join(secrets.choice(_ALPHABET) for _ in range(CHARACTERS))
    return "-".join(text[i : i + GROUP] for i in range(0, CHARACTERS, GROUP))


def hash_app_password(shown: str) -> str:
    """What is stored of it."""
    salt = secrets.token_hex(SALT_OCTETS)
    return f"{salt}${_digest(salt, read_app_password(shown) or '')}"


def read_app_password(secret: str) -> str | None:
    """The characters of a secret that has an app password's form; None if it has not."""
    if len(secret) > 2 * CHARACTERS or not secret.isascii():
        return None
    text = secret.lower().translate(_READ)
    return text if len(text) == CHARACTERS and not text.strip(_ALPHABET) else None


def matches(stored: str, characters: str) -> bool:
    """Whether the characters are those that were stored; in constant time."""
    salt, _, digest = stored.partition("$")
    return hmac.compare_digest(digest, _digest(salt, characters))


def _digest(salt: str, characters: str) -> str:
    return hashlib.sha256(f"{salt}${characters}".encode()).hexdigest()
