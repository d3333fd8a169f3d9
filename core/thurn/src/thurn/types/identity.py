"""Who somebody is: accounts, and what a session has proved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NewType

AccountId = NewType("AccountId", str)
"""An account, whose mail it is: an opaque, stable name that the directory gives; never a path."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A login that succeeded.

    Attributes:
        account: whose mail and rights the session has (the authorization identity).
        authcid: who proved it (the authentication identity); differs for proxies. RFC 4422 §2.
        mechanism: how, such as "PLAIN" or "USER".
        secured: whether the connection was encrypted at that moment.
        groups: the account's groups, for rights.
    """

    account: AccountId
    authcid: str
    mechanism: str
    secured: bool
    groups: frozenset[str] = field(default=frozenset())


LOGIN_NAME_CHARACTERS: Final = 1024
"""Most characters of a login name; RFC 4616 §2 wants room for 255 octets of authzid and authcid."""
SECRET_CHARACTERS: Final = 4096
"""Most characters of a password or token, checked before it is hashed, so that nobody can make
hashing expensive; RFC 4616 §2 wants room for 255 octets."""


def is_credential(text: str, limit: int) -> bool:
    """Whether a name or secret may be given to an account instance: it is not empty, not too long
    and has no control characters."""
    if not text or len(text) > limit:
        return False
    return not any(character < " " or character == "\x7f" for character in text)
