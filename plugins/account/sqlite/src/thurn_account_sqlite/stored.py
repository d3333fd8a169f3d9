"""What is stored of a main password: a hash, and keys for SCRAM where they can be made.

Blocks for tens of milliseconds: call it in a thread.
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
    """What is stored of a main password.

    Attributes:
        prepared: whether it is of the password's SASLprep form.
        keys: for SCRAM, by scheme.
    """

    password: PasswordHash
    prepared: bool = False
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)


def make_stored(password: str, schemes: Sequence[str], iterations: int) -> Stored:
    """What is stored of a new password. One that SASLprep refuses has no SCRAM keys, for its
    clients could not make any either. RFC 5802 §5.1."""
    prepared = prepare(password)
    if prepared is None:
        return Stored(hash_password(password))
    keys = {scheme: make_stored_key(scheme, prepared, iterations) for scheme in schemes}
    return Stored(hash_password(prepared), True, keys)


def needs_renewal(
    main: Credential, keys: Mapping[str, str], schemes: Sequence[str], password: str
) -> bool:
    """Whether storing this password, which is right, would store it better."""
    if not PasswordHash(main.scheme, main.value).is_current:
        return True
    missing = any(scheme not in keys for scheme in schemes)
    return missing and prepare(password) is not None
