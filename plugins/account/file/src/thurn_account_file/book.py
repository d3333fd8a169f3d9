"""The content of a file as look-up tables, and the meaning of names and addresses.

Rules of this file:
1. Names of accounts are compared in NFC with ASCII letters in lower case; a name with an @ is an
   address and is compared by `Address.key`. The normal form is the AccountId.
2. An address has one meaning: an address of two accounts, or of an account and an alias, is an
   error.
3. Addresses and aliases are at domains of the site; targets of aliases may be anywhere.
4. An address is looked up as it is; then without the detail behind the separator; then as
   postmaster (at every domain, in upper or lower case, RFC 5321 §4.5.1); then as "@domain".
5. An account owns an address if mail to it leads to that account alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeAlias

from thurn.plugin import AccountId, AccountRecord, Address, Alias, Local, Resolution, UnknownAddress
from thurn_kit.accounts import PasswordHash, name_key, sub_address, usual_hash

ALIAS_DEPTH: Final = 10
"""Aliases of aliases that a question about ownership follows; the host has the same bound for
mail."""
POSTMASTER: Final = "postmaster"
"""The local part that every domain has. RFC 5321 §4.5.1."""
SAMPLE: Final = 50
"""Passwords whose kinds are counted to find the most frequent one; more would cost time and find
the same."""

_OURS: Final = UnknownAddress(domain_is_ours=True)
_FOREIGN: Final = UnknownAddress(domain_is_ours=False)

Meaning: TypeAlias = Local | Alias


@dataclass(frozen=True, slots=True)
class FileAccount:
    """One account with its credentials."""

    record: AccountRecord
    password: PasswordHash | None
    stored_keys: Mapping[str, str] = field(repr=False)

    @property
    def has_credential(self) -> bool:
        """Whether the account has a password or a stored key; if not, another instance may."""
        return self.password is not None or bool(self.stored_keys)


@dataclass(frozen=True, slots=True)
class AccountBook:
    """The whole content of one state of the file.

    Attributes:
        domains: the domains of the site, in normal form.
        entries: the accounts by AccountId.
        logins: the accounts by the `name_key` of each name that they may log in with.
        meanings: the meanings of addresses by key; "@domain" stands for all others of a domain.
        separator: the character between local part and detail; empty without sub-addressing.
        masters: the accounts that may act as every account.
        postmaster: the account that gets mail to postmaster; None if the file has no accounts.
    """

    domains: frozenset[str]
    entries: Mapping[AccountId, FileAccount]
    logins: Mapping[str, FileAccount]
    meanings: Mapping[str, Meaning]
    separator: str
    masters: frozenset[AccountId]
    postmaster: AccountId | None

    def find(self, name: str) -> FileAccount | None:
        """The account with this login name or own address, or None."""
        key = name_key(name)
        return None if key is None else self.logins.get(key)

    def resolve(self, address: Address) -> Resolution:
        """What mail to the address means."""
        if address.domain not in self.domains:
            return _FOREIGN
        meaning = self.meanings.get(address.key)
        if meaning is not None:
            return meaning
        local, detail = sub_address(address.local, self.separator)
        if detail is not None:
            meaning = self.meanings.get(Address(local, address.domain).key)
            if meaning is not None:
                return Local(meaning.account, detail) if isinstance(meaning, Local) else meaning
        if local.lower() == POSTMASTER and self.postmaster is not None:
            return Local(self.postmaster, detail)  # RFC 5321 §4.5.1
        return self.meanings.get(f"@{address.domain}", _OURS)

    def decoy(self) -> PasswordHash:
        """A made-up hash that takes the same work to check as those of most accounts. Blocks."""
        passwords = (e.password for e in self.entries.values() if e.password is not None)
        return usual_hash(islice(passwords, SAMPLE)).decoy()

    def dangling(self) -> list[str]:
        """A text for each target of an alias that is at a domain of the site but unknown."""
        return [
            f"the alias {key} leads to {address}, which nobody here has"
            for key, meaning in self.meanings.items()
            if isinstance(meaning, Alias)
            for address in meaning.addresses
            if self.resolve(address) == _OURS
        ]

    def owner(self, address: Address) -> AccountId | None:
        """The account that mail to the address leads to alone, or None."""
        for _ in range(ALIAS_DEPTH):
            match self.resolve(address):
                case Local(account):
                    return account
                case Alias((target,)):
                    address = target
                case _:
                    return None
        return None
