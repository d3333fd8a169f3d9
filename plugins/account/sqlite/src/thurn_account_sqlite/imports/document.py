"""What a file with accounts says, whichever form it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from thurn_kit.accounts import PasswordHash, UnknownScheme, clear_password, parse_hash

from thurn_account_sqlite.changes.account import Properties

FINDINGS: Final = 20
"""Told at most; the first few say what kind of mistake it is."""


class BrokenImport(Exception):
    """The file cannot be used; each line of the text says what is wrong, without secrets."""

    def __init__(self, findings: Sequence[str]) -> None:
        shown = list(findings[:FINDINGS])
        if len(findings) > FINDINGS:
            shown.append(f"and {len(findings) - FINDINGS} more")
        super().__init__("nothing was imported:\n" + "\n".join(shown))


@dataclass(frozen=True, slots=True)
class ImportedAccount:
    """One account.

    Attributes:
        place: where it stands, for messages.
        given: fields of the properties that the file names; an update changes only those.
        addresses: None: its name at each domain.
        identifier: the AccountId that it keeps; None: a new one.
        clear: a password in the clear, to be hashed; "" if there is none.
    """

    place: str
    properties: Properties
    given: frozenset[str] = frozenset()
    addresses: tuple[str, ...] | None = None
    identifier: str | None = None
    password: PasswordHash | None = None
    clear: str = field(default="", repr=False)
    stored_keys: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Import:
    """A whole file.

    Attributes:
        aliases: targets by address, local part (at each domain) or "@domain".
    """

    domains: tuple[str, ...]
    accounts: tuple[ImportedAccount, ...]
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_password(text: str) -> tuple[PasswordHash | None, str]:
    """The hash, or the password in the clear, of a stored password as files have it.

    Raises:
        UnknownScheme: what is wrong, without the hash.
    """
    clear = clear_password(text)
    if clear is not None:
        if not clear:
            raise UnknownScheme("an empty password")
        return None, clear
    return (parse_hash(text), "") if text else (None, "")
