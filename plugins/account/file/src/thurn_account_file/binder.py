"""Makes the look-up tables of `book` from a document, or lists the mistakes in it."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Final

from thurn.plugin import AccountId, AccountRecord, Address, AddressError, Alias, Local
from thurn_kit.accounts import (
    PasswordHash,
    UnknownScheme,
    clear_password,
    name_key,
    parse_hash,
    sub_address,
)
from thurn_kit.scram import scheme_of
from thurn_message.address import parse_domain

from thurn_account_file.book import AccountBook, FileAccount, Meaning
from thurn_account_file.document import AccountTable, BrokenFile, Place, Reading, finding
from thurn_account_file.rules import FileRules

FINDINGS: Final = 20
"""Mistakes that are reported for one file; the first few show what kind of mistake it is."""


class Binder:
    """Builds the tables of one file; used once."""

    def __init__(self, settings: FileRules, reading: Reading) -> None:
        self._settings = settings
        self._reading = reading
        self._domains: dict[str, None] = {}
        self._entries: dict[AccountId, FileAccount] = {}
        self._logins: dict[str, FileAccount] = {}
        self._meanings: dict[str, Meaning] = {}
        self._alias_names: dict[str, str] = {}  # as the file has them, by key
        self._findings: list[str] = []

    def bind(self) -> AccountBook:
        """The look-up tables.

        Raises:
            BrokenFile: the document has mistakes; at most `FINDINGS` are listed, with their lines.
        """
        document = self._reading.document
        for domain in (*document.domains, *self._settings.domains):
            self._add_domain(domain)
        for name, table in document.accounts.items():
            self._add_account(name, table)
            if len(self._findings) >= FINDINGS:
                break
        for name, targets in document.aliases.items():
            self._add_alias(name, targets)
        self._check_loops()
        postmaster = self._postmaster()
        masters = [self._account_named(name, "masters") for name in self._settings.masters]
        if self._findings:
            raise BrokenFile(self._findings[:FINDINGS])
        return AccountBook(
            domains=frozenset(self._domains),
            entries=self._entries,
            logins=self._logins,
            meanings=self._meanings,
            separator=self._settings.separator,
            masters=frozenset(account for account in masters if account is not None),
            postmaster=postmaster,
        )

    def _wrong(self, place: Place, text: str) -> None:
        self._findings.append(finding(self._reading.line(place), text))

    def _add_domain(self, domain: str) -> None:
        try:
            self._domains[parse_domain(domain)] = None
        except AddressError as error:
            self._wrong(("domains",), f"{domain!r} is not a domain: {error.reason}")

    def _add_account(self, name: str, table: AccountTable) -> None:
        place = ("accounts", name)
        key = name_key(name)
        if key is None:
            self._wrong(place, f"{name!r} cannot be a name")
            return
        account = AccountId(key)
        if account in self._entries:
            self._wrong(place, f"there are two accounts with the name {key}")
            return
        addresses = self._addresses(name, table.addresses, place)
        try:
            password = self._password(table.password)
        except UnknownScheme as error:
            text = f"the password of {name} cannot be used: {error}"
            self._wrong((*place, "password"), text)
            return
        self._check_stored_keys(table, place)
        entry = FileAccount(_record(account, table, addresses), password, table.stored_keys)
        self._entries[account] = entry
        for address in addresses:
            self._mean(address.key, Local(account), place)
        for login in {key, *(address.key for address in addresses)}:
            if self._logins.setdefault(login, entry) is not entry:
                self._wrong(place, f"two accounts would log in as {login}")

    def _password(self, text: str) -> PasswordHash | None:
        allow_plain = self._settings.allow_plain
        if not allow_plain and clear_password(text) is not None:
            raise UnknownScheme("it is in clear text; store its hash instead, or set allow_plain")
        return parse_hash(text, allow_plain=allow_plain) if text else None

    def _check_stored_keys(self, table: AccountTable, place: Place) -> None:
        for scheme, text in table.stored_keys.items():
            if scheme.startswith("SCRAM-") and scheme_of(text) != scheme:
                self._wrong(
                    (*place, "stored_keys"),
                    f"stored_keys.{scheme} does not have the form of RFC 5803, "
                    f"{scheme}$4096:salt$StoredKey:ServerKey",
                )

    def _addresses(self, name: str, given: Sequence[str], place: Place) -> tuple[Address, ...]:
        written = given or ([name] if "@" in name else [f"{name}@{d}" for d in self._domains])
        parsed = (self._own_address(text, (*place, "addresses")) for text in written)
        return tuple(address for address in parsed if address is not None)

    def _own_address(self, text: str, place: Place) -> Address | None:
        try:
            address = Address.parse(text)
        except AddressError as error:
            self._wrong(place, f"{text!r} is not an address: {error.reason}")
            return None
        if address.domain not in self._domains:
            self._wrong(place, f"the domain of {text} is not in domains; add it there")
            return None
        return address

    def _mean(self, key: str, meaning: Meaning, place: Place) -> None:
        other = self._meanings.setdefault(key, meaning)
        if other is not meaning and other != meaning:
            what = f"an address of {other.account}" if isinstance(other, Local) else "an alias"
            self._wrong(place, f"{key} is already {what}")

    def _add_alias(self, name: str, texts: Sequence[str]) -> None:
        place = ("aliases", name)
        targets = [target for text in texts if (target := self._target(text, place)) is not None]
        if not texts:
            self._wrong(place, f"the alias {name} has no targets")
        if not targets:
            return
        meaning = Alias(tuple(dict.fromkeys(targets)))
        for key in self._alias_keys(name, place):
            self._mean(key, meaning, place)
            self._alias_names[key] = name

    def _alias_keys(self, name: str, place: Place) -> list[str]:
        if name.startswith("@"):
            domain = _domain(name[1:])
            if domain not in self._domains:
                self._wrong(place, f"the domain {domain} is not in domains; add it there")
                return []
            return [f"@{domain}"]
        written = [name] if "@" in name else [f"{name}@{domain}" for domain in self._domains]
        parsed = (self._own_address(text, place) for text in written)
        return [address.key for address in parsed if address is not None]

    def _target(self, text: str, place: Place) -> Address | None:
        if "@" in text:
            try:
                return Address.parse(text)
            except AddressError as error:
                self._wrong(place, f"{text!r} is not an address: {error.reason}")
                return None
        entry = self._logins.get(name_key(text) or "")
        if entry is None or entry.record.address is None:
            self._wrong(place, f"{text!r} is neither an address nor an account with an address")
            return None
        return entry.record.address

    def _check_loops(self) -> None:
        """Find an alias that leads back to itself, over others or at once."""
        graph: dict[str, list[str]] = {}
        for key, meaning in self._meanings.items():
            if isinstance(meaning, Alias):
                named = (self._named(address) for address in meaning.addresses)
                graph[key] = [one for one in named if one is not None]
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            loop: list[str] = error.args[1]
            text = f"the alias {loop[0]} leads back to itself: {' -> '.join(reversed(loop))}"
            self._wrong(("aliases", self._alias_names[loop[0]]), text)

    def _named(self, address: Address) -> str | None:
        """The key of the alias or account that an address means; None if nobody here has it."""
        local, _ = sub_address(address.local, self._settings.separator)
        keys = (address.key, Address(local, address.domain).key, f"@{address.domain}")
        return next((key for key in keys if key in self._meanings), None)

    def _postmaster(self) -> AccountId | None:
        name = self._settings.postmaster
        if name is not None:
            return self._account_named(name, "postmaster")
        return next(iter(self._entries), None)

    def _account_named(self, name: str, key: str) -> AccountId | None:
        entry = self._logins.get(name_key(name) or "")
        if entry is None:
            self._findings.append(f"setting {key}: there is no account {name!r}")
            return None
        return entry.record.account


def _domain(text: str) -> str:
    try:
        return parse_domain(text)
    except AddressError:
        return text


def _record(
    account: AccountId, table: AccountTable, addresses: tuple[Address, ...]
) -> AccountRecord:
    return AccountRecord(
        account=account,
        address=addresses[0] if addresses else None,
        addresses=addresses,
        display_name=table.display_name,
        enabled=table.enabled,
        groups=frozenset(table.groups),
        services=None if table.services is None else frozenset(table.services),
        quota_octets=table.quota,
        quota_messages=table.quota_messages,
        store=table.store,
        attributes=table.attributes,
    )
