"""Who somebody is: accounts, and the proof that a session has given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NewType

AccountId = NewType("AccountId", str)
"""Whose mail it is: an opaque, stable name given by the directory; never a path."""


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


NAME_LIMIT: Final = 1024
"""A login name at most; RFC 4616 §2 wants at least 255 for authzid and authcid."""
SECRET_LIMIT: Final = 4096
"""A password or token at most, before any hash sees it; RFC 4616 §2 wants at least 255."""


def is_credential(text: str, limit: int) -> bool:
    """Whether a name or secret may reach an account instance: not empty, bounded, no controls."""
    if not text or len(text) > limit:
        return False
    return not any(character < " " or character == "\x7f" for character in text)
