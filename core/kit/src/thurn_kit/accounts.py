"""What account plugins have in common: the form of login names, sub-addresses, hashes of passwords.

Rules of this file:
1. Names of accounts compare in NFC with ASCII letters in lower case; a name with an @ is an
   address and compares by `Address.key`. What can be no name is None, never somebody.
2. New hashes are argon2id with 19 MiB, two passes, one lane (the second choice of OWASP's sheet;
   RFC 9106 §4 wants more memory than a login storm leaves). Old schemes are read, never made, and
   may give way to a new hash at a login (`is_current`).
3. Passwords in the clear are read only where the caller says so.
4. The libraries (the extra `thurn[accounts]`) are imported at the first hash that needs them.
   Hashing blocks: call it in a thread.
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
PASSES: Final = 2
LANES: Final = 1
BCRYPT_OCTETS: Final = 72
"""What bcrypt looks at; newer versions of the library refuse more instead of cutting it."""

NAME_CHARACTERS: Final = 255

_ASCII_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_BRACED: Final = re.compile(r"\{([A-Za-z0-9-]{1,32})\}(.*)", re.DOTALL)
_ARGON2: Final = re.compile(
    r"\$argon2(?:id|i)\$v=19\$m=\d{1,7},t=\d{1,2},p=\d{1,2}\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+"
)
"""RFC 9106 §4 wants 2 GiB (seven digits) at most; an imported hash must not stop all others."""
PLAIN: Final = frozenset({"PLAIN", "CLEAR", "CLEARTEXT"})
ARGON2: Final = frozenset({"ARGON2ID", "ARGON2I"})
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
    """The form in which names are compared; None if it can be no name.

    A name with an @ that is no address is no name either.
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
    """A local part without its detail, and the detail; None where it has none. RFC 5233 §4."""
    if not separator:
        return local, None
    base, found, detail = local.partition(separator)
    return (base, detail) if found and base else (local, None)


class UnknownScheme(ValueError):
    """The hash is of no scheme that is known here, or broken."""


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A stored password.

    Attributes:
        scheme: upper case, such as "ARGON2ID".
        value: what the scheme's library reads.
    """

    scheme: str
    value: str = field(repr=False)

    def matches(self, password: str) -> bool:
        """Whether it is the password; blocks for as long as the scheme takes.

        Raises:
            Exception: the library is in trouble: not "wrong password".
        """
        if self.scheme in PLAIN:
            return hmac.compare_digest(self.value.encode(), password.encode())
        if self.scheme in ARGON2:
            return _argon2_matches(self.value, password)
        return _passlib_matches(self.scheme, self.value, password)

    @property
    def is_current(self) -> bool:
        """Whether a new hash would be no better: the same memory and work at least."""
        match = _COST.fullmatch(self.value)
        if match is None:
            return False
        memory, passes = int(match[1]), int(match[2])
        return memory >= MEMORY_KIB and memory * passes >= MEMORY_KIB * PASSES

    @property
    def kind(self) -> str:
        """Equal for hashes that take the same work to judge."""
        if self.scheme in ARGON2:
            return self.value.rsplit("$", 2)[0]
        if self.scheme in PLAIN:
            return "PLAIN"
        return f"{self.scheme} {_rounds(self)}"

    def decoy(self) -> PasswordHash:
        """A hash of a password that nobody knows, which takes the same work to judge as this one.

        Blocks for as long as the scheme takes.
        """
        if self.kind == NOBODY.kind:
            return NOBODY
        password = secrets.token_urlsafe()
        if self.scheme in PLAIN:
            return PasswordHash(self.scheme, password)
        if self.scheme in ARGON2:
            import argon2  # noqa: PLC0415

            known = argon2.PasswordHasher.from_parameters(argon2.extract_parameters(self.value))
            return PasswordHash(self.scheme, known.hash(password))
        known, rounds = _passlib(self.scheme), _rounds(self)
        return PasswordHash(
            self.scheme, str((known.using(rounds=rounds) if rounds else known).hash(password))
        )


NOBODY: Final = PasswordHash(
    "ARGON2ID",
    f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$YWJjZGVmZ2hpamtsbW5vcA"
    "$YWJjZGVmZ2hpamtsbW5vcGFiY2RlZmdoaWprbG1ub3A",
)
"""Of nothing, made up; takes the work of a new one."""


def usual(hashes: Iterable[PasswordHash]) -> PasswordHash:
    """One of the kind that most of them are; `NOBODY` where there are none."""
    known = [(one.kind, one) for one in hashes]
    counted = Counter(kind for kind, _ in known)
    return max(known, key=lambda pair: counted[pair[0]], default=("", NOBODY))[1]


def clear_password(text: str) -> str | None:
    """The password of a text that has it in the clear (`{PLAIN}…`); None: it is something else."""
    match = _BRACED.fullmatch(text)
    return match[2] if match is not None and match[1].upper() in PLAIN else None


def parse_hash(text: str, *, allow_plain: bool = False) -> PasswordHash:
    """A stored password as written: `{SCHEME}rest` as Dovecot and LDAP do, or a crypt string.

    Args:
        text: as written.
        allow_plain: `{PLAIN}rest` is a password, too.

    Raises:
        UnknownScheme: what is wrong, without the hash.
    """
    match = _BRACED.fullmatch(text)
    scheme, value = (match[1].upper(), match[2]) if match is not None else ("CRYPT", text)
    if scheme == "CRYPT":
        scheme = _crypt_scheme(value)
    if allow_plain and scheme in PLAIN:
        if not value:
            raise UnknownScheme("an empty password")
    elif scheme in ARGON2:
        if _ARGON2.fullmatch(value) is None:
            raise UnknownScheme("a broken argon2 hash")
    else:
        value = _checked_old(scheme, value)
    return PasswordHash(scheme, value)


def hash_password(password: str) -> PasswordHash:
    """A new hash. Takes some 30 ms: call it in a thread.

    RFC 9106.
    """
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
    """The value as the library reads it."""
    known = _CRYPT.get(scheme) or _LDAP.get(scheme)
    if known is None:
        raise UnknownScheme(f"a scheme that is not known here: {scheme or 'no {SCHEME} in front'}")
    if scheme in _LDAP:
        value = f"{{{'MD5' if scheme == 'LDAP-MD5' else scheme}}}{value}"
    try:
        _passlib(scheme).from_string(value)
    except ValueError:
        raise UnknownScheme(f"a broken {scheme} hash") from None
    return value


def _argon2() -> Any:  # noqa: ANN401 - the library's own type, imported late
    import argon2  # noqa: PLC0415 - 20 ms, and only who logs in needs it

    return argon2.PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


def _argon2_matches(value: str, password: str) -> bool:
    from argon2.exceptions import VerifyMismatchError  # noqa: PLC0415

    try:
        return bool(_argon2().verify(value, password))
    except VerifyMismatchError:
        return False


def _passlib(scheme: str) -> Any:  # noqa: ANN401 - untyped library
    from passlib import hash as schemes  # noqa: PLC0415 - only where old hashes are

    return getattr(schemes, _CRYPT.get(scheme) or _LDAP[scheme])


def _rounds(known: PasswordHash) -> int:
    """Of a scheme that has them; 0."""
    return int(getattr(_passlib(known.scheme).from_string(known.value), "rounds", 0))


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
    "usual",
]
