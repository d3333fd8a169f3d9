"""Parts that account plugins share: login names, sub-addresses, password hashes.

Rules of this file:
1. Login names are compared in NFC with ASCII letters in lower case; a name with an @ is an address
   and is compared by `Address.key`. Text that cannot be a name gives None.
2. New hashes are argon2id with 19 MiB, two passes and one lane (the second choice in OWASP's
   password storage sheet; RFC 9106 §4 asks for more memory than a server has for many logins at
   once). Old schemes are read, never written, and may be replaced at a login (`is_current`).
3. Passwords in clear text are read only if the caller allows it.
4. The libraries (the extra `thurn-kit[passwords]`) are imported at the first hash that needs them.
   Hashing blocks, so call it in a thread.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from unicodedata import normalize

from thurn.plugin import Address, AddressError

MEMORY_KIB: Final = 19_456
"""Memory that a new hash takes, in KiB; see rule 2."""
PASSES: Final = 2
"""Passes of a new hash over its memory; see rule 2."""
LANES: Final = 1
"""Parallel lanes of a new hash: one, since other logins use the other cores."""
BCRYPT_OCTETS: Final = 72
"""Octets of a password that bcrypt uses; newer versions of the library refuse longer passwords
instead of ignoring the rest."""

NAME_CHARACTERS: Final = 255
"""Length of a login name in characters; longer than any address, short enough for a key."""

_ASCII_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_BRACED: Final = re.compile(r"\{([A-Za-z0-9-]{1,32})\}(.*)", re.DOTALL)
_ARGON2: Final = re.compile(
    r"\$argon2(?:id|i)\$v=19\$m=\d{1,7},t=\d{1,2},p=\d{1,2}\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+"
)
"""An argon2 hash whose memory (in KiB) has at most seven digits, so that an imported hash cannot
occupy the machine. The largest memory that RFC 9106 §4 recommends is 2 GiB, also seven digits."""
PLAIN: Final = frozenset({"PLAIN", "CLEAR", "CLEARTEXT"})
"""Schemes of passwords in clear text."""
ARGON2: Final = frozenset({"ARGON2ID", "ARGON2I"})
"""Schemes that the argon2 library reads."""
_COST: Final = re.compile(r"\$argon2id\$v=19\$m=(\d{1,9}),t=(\d{1,9}),p=\d{1,9}\$.+")
_CRYPT: Final = {
    "SHA512-CRYPT": "sha512_crypt",
    "SHA256-CRYPT": "sha256_crypt",
    "MD5-CRYPT": "md5_crypt",
    "BLF-CRYPT": "bcrypt",
    "DES-CRYPT": "des_crypt",
}
_LDAP: Final = {
    "SSHA512": "ldap_salted_sha512",
    "SSHA256": "ldap_salted_sha256",
    "SSHA": "ldap_salted_sha1",
    "SMD5": "ldap_salted_md5",
    "SHA": "ldap_sha1",
    "LDAP-MD5": "ldap_md5",
}
_PREFIXES: Final = {"$6$": "SHA512-CRYPT", "$5$": "SHA256-CRYPT", "$1$": "MD5-CRYPT"}
_BCRYPT_PREFIXES: Final = ("$2a$", "$2b$", "$2y$")


def name_key(name: str) -> str | None:
    """The form in which login names are compared; None if the text cannot be a name.

    A text with an @ is a name only if it is an address.
    """
    if "@" in name:
        try:
            return Address.parse(name).key
        except AddressError:
            return None
    if not name or len(name) > NAME_CHARACTERS or not name.isprintable() or " " in name:
        return None
    return name.lower() if name.isascii() else normalize("NFC", name).translate(_ASCII_LOWER)


def sub_address(local: str, separator: str) -> tuple[str, str | None]:
    """A local part without its detail, and the detail; None if there is no detail. RFC 5233 §4."""
    if not separator:
        return local, None
    base, separated, detail = local.partition(separator)
    return (base, detail) if separated and base else (local, None)


class UnknownScheme(ValueError):
    """The scheme of a hash is not known here, or the hash is broken."""


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A stored password.

    Attributes:
        scheme: in upper case, such as "ARGON2ID".
        value: the hash in the form that the scheme's library reads; for clear text, the password.
    """

    scheme: str
    value: str = field(repr=False)

    def matches(self, password: str) -> bool:
        """Whether this is the hash of the password; blocks for as long as the scheme takes.

        Raises:
            Exception: the library failed; this does not mean that the password is wrong.
        """
        if self.scheme in PLAIN:
            return hmac.compare_digest(self.value.encode(), password.encode())
        if self.scheme in ARGON2:
            return _argon2_matches(self.value, password)
        return _passlib_matches(self.scheme, self.value, password)

    @property
    def is_current(self) -> bool:
        """Whether the hash takes at least the memory and work of a new one."""
        match = _COST.fullmatch(self.value)
        if match is None:
            return False
        memory, passes = int(match[1]), int(match[2])
        return memory >= MEMORY_KIB and memory * passes >= MEMORY_KIB * PASSES

    @property
    def kind(self) -> str:
        """A text that is equal for hashes which take the same work to check."""
        if self.scheme in ARGON2:
            return self.value.rsplit("$", 2)[0]
        if self.scheme in PLAIN:
            return "PLAIN"
        return f"{self.scheme} {_rounds(self)}"

    def decoy(self) -> PasswordHash:
        """A hash of an unknown password, which takes the same work to check as this one.

        Blocks for as long as the scheme takes.
        """
        if self.kind == NOBODY.kind:
            return NOBODY
        password = secrets.token_urlsafe()
        if self.scheme in PLAIN:
            return PasswordHash(self.scheme, password)
        if self.scheme in ARGON2:
            import argon2  # noqa: PLC0415

            hasher = argon2.PasswordHasher.from_parameters(argon2.extract_parameters(self.value))
            return PasswordHash(self.scheme, hasher.hash(password))
        hasher, rounds = _passlib(self.scheme), _rounds(self)
        return PasswordHash(
            self.scheme, str((hasher.using(rounds=rounds) if rounds else hasher).hash(password))
        )


NOBODY: Final = PasswordHash(
    "ARGON2ID",
    f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$YWJjZGVmZ2hpamtsbW5vcA"
    "$YWJjZGVmZ2hpamtsbW5vcGFiY2RlZmdoaWprbG1ub3A",
)
"""A made-up hash that no known password has; it takes the work of a new hash to check."""


def usual_hash(hashes: Iterable[PasswordHash]) -> PasswordHash:
    """A hash of the most frequent kind; `NOBODY` if there are no hashes."""
    by_kind = [(password_hash.kind, password_hash) for password_hash in hashes]
    counts = Counter(kind for kind, _ in by_kind)
    return max(by_kind, key=lambda pair: counts[pair[0]], default=("", NOBODY))[1]


def clear_password(text: str) -> str | None:
    """The password of a text that has it in clear text (`{PLAIN}…`); None for any other text."""
    match = _BRACED.fullmatch(text)
    return match[2] if match is not None and match[1].upper() in PLAIN else None


def parse_hash(text: str, *, allow_plain: bool = False) -> PasswordHash:
    """A stored password from its text: `{SCHEME}rest` as in Dovecot and LDAP, or a crypt string.

    Args:
        text: the text as written.
        allow_plain: whether `{PLAIN}rest` with a password in clear text is accepted.

    Raises:
        UnknownScheme: the text cannot be read; the message never quotes the hash.
    """
    match = _BRACED.fullmatch(text)
    scheme, value = (match[1].upper(), match[2]) if match is not None else ("CRYPT", text)
    if scheme == "CRYPT":
        scheme = _crypt_scheme(value)
    if allow_plain and scheme in PLAIN:
        if not value:
            raise UnknownScheme("the password is empty")
    elif scheme in ARGON2:
        if _ARGON2.fullmatch(value) is None:
            raise UnknownScheme("the argon2 hash is broken")
    else:
        value = _checked_old(scheme, value)
    return PasswordHash(scheme, value)


def hash_password(password: str) -> PasswordHash:
    """A new argon2id hash. It takes about 30 ms, so call it in a thread. RFC 9106."""
    return PasswordHash("ARGON2ID", str(_argon2().hash(password)))


def _crypt_scheme(value: str) -> str:
    if value.startswith("$argon2"):
        return "ARGON2ID"
    if value.startswith(_BCRYPT_PREFIXES):
        return "BLF-CRYPT"
    if value.startswith("$"):
        return _PREFIXES.get(value[:3], "")
    return "DES-CRYPT" if len(value) == 13 else ""


def _checked_old(scheme: str, value: str) -> str:
    """The value of an old scheme in the form that the library reads."""
    library_name = _CRYPT.get(scheme) or _LDAP.get(scheme)
    if library_name is None:
        if not scheme:
            raise UnknownScheme("there is no {SCHEME} in front of the hash")
        raise UnknownScheme(f"the scheme {scheme} is not known")
    if scheme in _LDAP:
        value = f"{{{'MD5' if scheme == 'LDAP-MD5' else scheme}}}{value}"
    try:
        _passlib(scheme).from_string(value)
    except ValueError:
        raise UnknownScheme(f"the {scheme} hash is broken") from None
    return value


def _argon2() -> Any:  # noqa: ANN401 - the library's own type, imported late
    import argon2  # noqa: PLC0415 - 20 ms, and only logins need it

    return argon2.PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


def _argon2_matches(value: str, password: str) -> bool:
    from argon2.exceptions import VerifyMismatchError  # noqa: PLC0415

    try:
        return bool(_argon2().verify(value, password))
    except VerifyMismatchError:
        return False


def _passlib(scheme: str) -> Any:  # noqa: ANN401 - untyped library
    from passlib import hash as schemes  # noqa: PLC0415 - only sites with old hashes need it

    return getattr(schemes, _CRYPT.get(scheme) or _LDAP[scheme])


def _rounds(password_hash: PasswordHash) -> int:
    """The rounds of a hash; 0 if its scheme has none."""
    parsed = _passlib(password_hash.scheme).from_string(password_hash.value)
    return int(getattr(parsed, "rounds", 0))


def _passlib_matches(scheme: str, value: str, password: str) -> bool:
    octets = password.encode()
    if scheme == "BLF-CRYPT":
        octets = octets[:BCRYPT_OCTETS]
    return bool(_passlib(scheme).verify(octets, value))


__all__ = [
    "NAME_CHARACTERS",
    "NOBODY",
    "PasswordHash",
    "UnknownScheme",
    "clear_password",
    "hash_password",
    "name_key",
    "parse_hash",
    "sub_address",
    "usual_hash",
]
