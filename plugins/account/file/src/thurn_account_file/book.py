"""What a file says, as look-up tables; what names and addresses mean.

Rules of this file:
1. Names of accounts compare in NFC with ASCII letters in lower case; a name with an @ is an
   address and compares by `Address.key`. The normal form is the AccountId.
2. One meaning per address: an address of two accounts, or of an account and an alias, is an error.
3. Addresses and aliases are at domains that are ours; targets of aliases may be anywhere.
4. An address is looked up as it is; then without the detail behind the separator; then as
   postmaster (RFC 5321 §4.5.1: at every domain, any case); then as "@domain".
5. Who owns an address: the account to which alone mail for it leads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeAlias

from thurn.plugin import AccountId, AccountRecord, Address, Alias, Local, Resolution, UnknownAddress
from thurn_kit.accounts import PasswordHash, name_key, sub_address, usual

ALIAS_DEPTH: Final = 10
"""Aliases of aliases that ownership follows; the host has the same bound for mail."""
POSTMASTER: Final = "postmaster"
SAMPLE: Final = 50
"""Passwords that are looked at to see which kind is usual."""

_OURS: Final = UnknownAddress(domain_is_ours=True)
_FOREIGN: Final = UnknownAddress(domain_is_ours=False)

Meaning: TypeAlias = Local | Alias


@dataclass(frozen=True, slots=True)
class FileAccount:
    """An account."""

    record: AccountRecord
    password: PasswordHash | None
    stored_keys: Mapping[str, str] = field(repr=False)

    @property
    def has_credential(self) -> bool:
        """Without one, somebody else may have its password."""
        return self.password is not None or bool(self.stored_keys)


@dataclass(frozen=True, slots=True)
class AccountBook:
    """Everything that one state of the file says.

    Attributes:
        domains: that are ours, in normal form.
        entries: accounts by AccountId.
        logins: accounts by the key of a name with which one may log in.
        meanings: what addresses mean, by key; "@domain" is everything else of a domain.
        separator: between local part and detail; "" is none.
        masters: who may act as every account.
        postmaster: who gets mail to postmaster.
    """

    domains: frozenset[str]
    entries: Mapping[AccountId, FileAccount]
    logins: Mapping[str, FileAccount]
    meanings: Mapping[str, Meaning]
    separator: str
    masters: frozenset[AccountId]
    postmaster: AccountId | None

    def find(self, name: str) -> FileAccount | None:
        """The account of a login name or address."""
        key = name_key(name)
        return None if key is None else self.logins.get(key)

    def resolve(self, address: Address) -> Resolution:
        """What mail to this address means."""
        if address.domain not in self.domains:
            return _FOREIGN
        found = self.meanings.get(address.key)
        if found is not None:
            return found
        local, detail = sub_address(address.local, self.separator)
        if detail is not None:
            found = self.meanings.get(Address(local, address.domain).key)
            if found is not None:
                return Local(found.account, detail) if isinstance(found, Local) else found
        if local.lower() == POSTMASTER and self.postmaster is not None:
            return Local(self.postmaster, detail)  # RFC 5321 §4.5.1
        return self.meanings.get(f"@{address.domain}", _OURS)

    def decoy(self) -> PasswordHash:
        """A made-up hash that takes the work of those that most accounts have. Blocks."""
        found = (e.password for e in self.entries.values() if e.password is not None)
        return usual(islice(found, SAMPLE)).decoy()

    def dangling(self) -> list[str]:
        """The aliases that lead to nobody, at least in part, with the target."""
        return [
            f"the alias {key} leads to {address}, which is nobody here"
            for key, meaning in self.meanings.items()
            if isinstance(meaning, Alias)
            for address in meaning.addresses
            if self.resolve(address) == _OURS
        ]

    def owner(self, address: Address) -> AccountId | None:
        """The account to which alone mail for this address leads."""
        for _ in range(ALIAS_DEPTH):
            match self.resolve(address):
                case Local(account):
                    return account
                case Alias((only,)):
                    address = only
                case _:
                    return None
        return None
