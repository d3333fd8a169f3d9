"""The stored form of a main password: a hash, and keys for SCRAM if they can be made.

Making it blocks for tens of milliseconds, so call it in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from thurn_kit.accounts import PasswordHash, hash_password
from thurn_kit.scram import make_stored_key

from thurn_account_sqlite.lookup import Credential
from thurn_account_sqlite.saslprep import prepare


@dataclass(frozen=True, slots=True)
class Stored:
    """The stored form of a main password.

    Attributes:
        password: the hash.
        prepared: whether the hash was made from the password's SASLprep form.
        keys: the stored keys for SCRAM, by scheme.
    """

    password: PasswordHash
    prepared: bool = False
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)


def make_stored(password: str, schemes: Sequence[str], iterations: int) -> Stored:
    """The stored form of a new password.

    A password that SASLprep refuses gets no SCRAM keys, since clients could not use them. RFC 5802
    §5.1.
    """
    prepared = prepare(password)
    if prepared is None:
        return Stored(hash_password(password))
    keys = {scheme: make_stored_key(scheme, prepared, iterations) for scheme in schemes}
    return Stored(hash_password(prepared), True, keys)


def needs_renewal(
    main: Credential, keys: Mapping[str, str], schemes: Sequence[str], password: str
) -> bool:
    """Whether the stored form of this password, which was right, is old or lacks keys."""
    if not PasswordHash(main.scheme, main.value).is_current:
        return True
    missing = any(scheme not in keys for scheme in schemes)
    return missing and prepare(password) is not None
