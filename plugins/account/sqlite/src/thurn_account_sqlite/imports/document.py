"""The content of a file with accounts, the same for every form of file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from thurn_kit.accounts import PasswordHash, UnknownScheme, clear_password, parse_hash

from thurn_account_sqlite.changes.account import Properties

FINDINGS: Final = 20
"""Mistakes that are reported for one file; the first few show what kind of mistake it is."""


class BrokenImport(Exception):
    """The file cannot be used; the text has a line for each mistake, without secrets."""

    def __init__(self, findings: Sequence[str]) -> None:
        shown = list(findings[:FINDINGS])
        if len(findings) > FINDINGS:
            shown.append(f"and {len(findings) - FINDINGS} more")
        super().__init__("nothing was imported:\n" + "\n".join(shown))


@dataclass(frozen=True, slots=True)
class ImportedAccount:
    """One account.

    Attributes:
        place: its place in the file, for messages.
        given: the properties that the file names; an update changes only those.
        addresses: its own addresses; None for its name at each domain.
        identifier: the AccountId that it keeps; None for a new one.
        password: the hash of its password; None without one.
        clear: its password in clear text, which is then hashed; empty without one.
        stored_keys: the keys for SCRAM, by scheme.
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
    """The whole content of a file.

    Attributes:
        aliases: the targets by alias: an address, a local part (at each domain) or "@domain".
    """

    domains: tuple[str, ...]
    accounts: tuple[ImportedAccount, ...]
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_password(text: str) -> tuple[PasswordHash | None, str]:
    """The hash, and the password in clear text, of a password as files have it.

    The hash is None for a password in clear text; the other is then empty. Both are so without one.

    Raises:
        UnknownScheme: the text cannot be read; the message never quotes the hash.
    """
    clear = clear_password(text)
    if clear is not None:
        if not clear:
            raise UnknownScheme("it is empty")
        return None, clear
    return (parse_hash(text), "") if text else (None, "")
