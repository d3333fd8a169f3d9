"""The stored keys of accounts, and stable fake keys for unknown names.

    stored = scheme "$" iterations ":" base64(salt) "$" base64(StoredKey) ":" base64(ServerKey)

Rules of this file:
1. A fake key is derived from the site's secret, the scheme and the name, so that it is the same at
   each try, in each worker and after each start. Its salt and iterations look like those of real
   accounts.
2. Spellings that name the same real account give the same fake key: they differ in case, in the
   form of an address (quotes, U-labels), or in a domain that may be left out. Otherwise two
   spellings with two salts would show that the name is unknown.
3. A stored text that cannot be read is an internal failure, not an unknown name.

RFC 5803 §2, RFC 5802 §5.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from base64 import b64decode
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Final
from unicodedata import normalize

from thurn.plugin import TemporaryFailure
from thurn.plugin.sasl import StoredKey
from thurn_kit.accounts import name_key

SALT_OCTETS: Final = 16
"""Length in octets of the salts that account plugins and most other software make."""
_STORED: Final = re.compile(
    r"([A-Z0-9-]{1,20})\$([0-9]{1,9}):([A-Za-z0-9+/=]{1,1368})"
    r"\$([A-Za-z0-9+/=]{1,128}):([A-Za-z0-9+/=]{1,128})"
)
HASHES: Final = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256"}
"""The hash function of each scheme, as hashlib names it. RFC 5802 §4, RFC 7677 §2."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The salt, iterations and keys of one name.

    Attributes:
        real: whether an account has them; a fake key never proves a login.
    """

    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    real: bool


def read_stored(stored: StoredKey, scheme: str) -> Keys:
    """The keys in a stored text.

    Raises:
        TemporaryFailure: the text cannot be read, or is another scheme's.
    """
    match = _STORED.fullmatch(stored.value.reveal())
    size_octets = hashlib.new(HASHES[scheme]).digest_size
    if match is not None and match[1] == scheme and int(match[2]) > 0:
        try:
            salt, key, server = (b64decode(match[n], validate=True) for n in (3, 4, 5))
        except binascii.Error:
            pass
        else:
            if len(key) == len(server) == size_octets:
                return Keys(salt, int(match[2]), key, server, real=True)
    raise TemporaryFailure(f"the stored key of {stored.account} for {scheme} cannot be read")


@dataclass(frozen=True, slots=True)
class Faker:
    """Makes fake keys for unknown names.

    Attributes:
        secret: the site's secret; somebody who has it can distinguish fake salts from real ones.
        iterations: the number that the accounts use.
        domains: the domains that may be left out at login, in normal form.
    """

    secret: bytes = field(repr=False)
    iterations: int
    domains: Set[str] = frozenset()

    def keys(self, name: str, scheme: str) -> Keys:
        """The fake keys of a name; the same for all its spellings."""
        # Names are compared as accounts do (an address in its normal form), and then more freely.
        name = normalize("NFKC", name_key(name) or name).casefold()
        local, at, domain = name.rpartition("@")
        if at and local and domain.removesuffix(".") in self.domains:
            name = local
        algorithm = HASHES[scheme]
        salt = self._derive("salt", scheme, name, algorithm)[:SALT_OCTETS]
        key = self._derive("key", scheme, name, algorithm)
        return Keys(salt, self.iterations, key, key, real=False)

    def _derive(self, use: str, scheme: str, name: str, algorithm: str) -> bytes:
        text = f"{use}\0{scheme}\0{name}".encode()
        return hmac.digest(self.secret, text, algorithm)
