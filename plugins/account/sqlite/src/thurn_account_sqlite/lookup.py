"""The questions that the server asks the tables, as functions over a connection.

Rules of this file:
1. An address is looked up as it is; then without the detail behind the domain's separator; then as
   postmaster (at every domain, in upper or lower case, RFC 5321 §4.5.1); then as "@domain".
2. An alias leads to its targets; a target that is an account means the account's primary address at
   that moment.
3. Values are always parameters of a statement, never a part of its text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import apsw
from thurn.plugin import AccountId, AccountRecord, Address, Alias, Local, Resolution, UnknownAddress
from thurn_kit.accounts import PasswordHash, name_key, sub_address, usual_hash

MAIN: Final = "main"
"""The label of the main password; every other label is an app password's."""
POSTMASTER: Final = "postmaster"
"""The local part that every domain has. RFC 5321 §4.5.1."""
SAMPLE: Final = 50
"""Passwords whose kinds are counted to find the most frequent one; more would cost time and find
the same."""

Row: TypeAlias = tuple[Any, ...]
"""A row of a query."""

OURS: Final = UnknownAddress(domain_is_ours=True)
"""The meaning of an unknown address at a domain of the site."""
FOREIGN: Final = UnknownAddress(domain_is_ours=False)
"""The meaning of an address at another domain."""

_BY_NAME: Final = "SELECT number, id, enabled FROM account WHERE name_key = ?"
_BY_ADDRESS: Final = """
SELECT a.number, a.id, a.enabled FROM address d JOIN account a ON a.number = d.account
WHERE d.key = ?
"""
_CREDENTIALS: Final = """
SELECT number, label, scheme, value, prepared, services, expires, last_used
FROM credential WHERE account = ? ORDER BY number
"""
_KEYS: Final = """
SELECT k.scheme, k.value FROM stored_key k JOIN credential c ON c.number = k.credential
WHERE c.account = ? AND c.label = ?
"""
_DOMAIN: Final = """
SELECT d.separator, a.id FROM domain d LEFT JOIN account a ON a.number = d.postmaster
WHERE d.name = ?
"""
_MEANING: Final = """
SELECT a.id FROM address d LEFT JOIN account a ON a.number = d.account WHERE d.key = ?
"""
_TARGETS: Final = """
SELECT ifnull(t.address, d.text)
FROM target t LEFT JOIN address d ON d.account = t.account AND d.position = 0
WHERE t.alias = ? ORDER BY t.position
"""
_RECORD: Final = """
SELECT number, display_name, enabled, services, groups, quota_octets, quota_messages, store,
    attributes
FROM account WHERE id = ?
"""
_SEND_GRANT: Final = """
SELECT 1 FROM send_grant g JOIN account a ON a.number = g.account
WHERE a.id = ? AND g.key IN (?, ?, ?)
"""
_ACT_GRANT: Final = """
SELECT 1 FROM act_grant g JOIN account a ON a.number = g.account
WHERE a.id = ? AND (g.target IS NULL OR g.target = ?)
"""
_FIRST: Final = "SELECT id FROM account ORDER BY number LIMIT 1"


@dataclass(frozen=True, slots=True)
class Credential:
    """The main password or an app password of an account.

    Attributes:
        prepared: whether the value was made from the password's SASLprep form.
        services: the protocols that it is for; None for all.
        expires: when it ends, in POSIX seconds; None for never.
        last_used: when it was used, in POSIX seconds and true to the day; None for never.
    """

    number: int
    label: str
    scheme: str
    value: str = field(repr=False)
    prepared: bool
    services: frozenset[str] | None
    expires: float | None
    last_used: float | None


@dataclass(frozen=True, slots=True)
class Login:
    """The account of a login name, with its credentials and stored keys."""

    account: AccountId
    enabled: bool
    credentials: tuple[Credential, ...]
    keys: dict[str, str] = field(repr=False, hash=False)

    @property
    def main(self) -> Credential | None:
        """The main password, or None."""
        return next((c for c in self.credentials if c.label == MAIN), None)


@dataclass(frozen=True, slots=True)
class SiteDefaults:
    """The settings for domains that have no separator or postmaster of their own."""

    separator: str
    postmaster: str | None


def is_empty(connection: apsw.Connection) -> bool:
    """Whether the database has no domain."""
    return one(connection, "SELECT 1 FROM domain LIMIT 1") is None


def newest_change(connection: apsw.Connection) -> int:
    """The number of the newest line of the history; a note of "last used" adds no line."""
    row = one(connection, "SELECT max(number) FROM history")
    return 0 if row is None or row[0] is None else int(row[0])


def usual_password(connection: apsw.Connection) -> PasswordHash:
    """A hash of the most frequent kind among the newest main passwords."""
    query = "SELECT scheme, value FROM credential WHERE label = ? ORDER BY number DESC LIMIT ?"
    return usual_hash(PasswordHash(*row) for row in rows(connection, query, MAIN, SAMPLE))


def find_login(connection: apsw.Connection, name: str) -> Login | None:
    """The account of a login name or address, with its credentials."""
    row = find_account(connection, name)
    if row is None:
        return None
    number, account, enabled = row
    credentials = tuple(
        Credential(n, label, scheme, value, bool(prepared), words(services), expires, used)
        for n, label, scheme, value, prepared, services, expires, used in rows(
            connection, _CREDENTIALS, number
        )
    )
    keys: dict[str, str] = dict(rows(connection, _KEYS, number, MAIN))
    return Login(AccountId(account), bool(enabled), credentials, keys)


def find_account(connection: apsw.Connection, name: str) -> Row | None:
    """The number, id and `enabled` of the account with this login name or own address, or None."""
    key = name_key(name)
    if key is None:
        return None
    return one(connection, _BY_NAME, key) or one(connection, _BY_ADDRESS, key)


def resolve(connection: apsw.Connection, address: Address, defaults: SiteDefaults) -> Resolution:
    """What mail to the address means."""
    domain = one(connection, _DOMAIN, address.domain)
    if domain is None:
        return FOREIGN
    meaning = _meaning(connection, address.key, None)
    if meaning is not None:
        return meaning
    separator = defaults.separator if domain[0] is None else domain[0]
    local, detail = sub_address(address.local, separator)
    if detail is not None:
        meaning = _meaning(connection, Address(local, address.domain).key, detail)
        if meaning is not None:
            return meaning
    if local.lower() == POSTMASTER:  # RFC 5321 §4.5.1
        postmaster = domain[1] or _default_postmaster(connection, defaults)
        if postmaster is not None:
            return Local(AccountId(postmaster), detail)
    return _meaning(connection, f"@{address.domain}", None) or OURS


def _meaning(connection: apsw.Connection, key: str, detail: str | None) -> Local | Alias | None:
    row = one(connection, _MEANING, key)
    if row is None:
        return None
    if row[0] is not None:
        return Local(AccountId(row[0]), detail)
    texts = rows(connection, _TARGETS, key)
    # `changes` keeps accounts without an address out of the targets; a row without a text is left
    # out all the same.
    return Alias(tuple(Address.parse(text) for (text,) in texts if text is not None))


def _default_postmaster(connection: apsw.Connection, defaults: SiteDefaults) -> str | None:
    """The account that the settings name; else the first account, so that mail is read."""
    named = find_account(connection, defaults.postmaster) if defaults.postmaster else None
    if named is not None:
        return str(named[1])
    first = one(connection, _FIRST)
    return None if first is None else str(first[0])


def dangling(connection: apsw.Connection, defaults: SiteDefaults) -> list[str]:
    """A text for each target of an alias that is at a domain of the site but unknown."""
    query = "SELECT alias, address FROM target WHERE address IS NOT NULL ORDER BY alias, position"
    return [
        f"the alias {alias} leads to {text}, which nobody here has"
        for alias, text in rows(connection, query)
        if resolve(connection, Address.parse(text), defaults) == OURS
    ]


def record(connection: apsw.Connection, account: str) -> AccountRecord | None:
    """The record of an account, or None."""
    try:
        row = one(connection, _RECORD, account)
    except UnicodeEncodeError:  # an id with a surrogate cannot exist
        return None
    if row is None:
        return None
    number, display_name, enabled, services, groups, octets, messages, store, attributes = row
    addresses = own_addresses(connection, number)
    return AccountRecord(
        account=AccountId(account),
        address=addresses[0] if addresses else None,
        addresses=addresses,
        display_name=display_name,
        enabled=bool(enabled),
        groups=words(groups) or frozenset(),
        services=words(services),
        quota_octets=octets,
        quota_messages=messages,
        store=store,
        attributes=json.loads(attributes),
    )


def own_addresses(connection: apsw.Connection, number: int) -> tuple[Address, ...]:
    """The addresses of an account, the primary one first."""
    query = "SELECT text FROM address WHERE account = ? ORDER BY position"
    return tuple(Address.parse(text) for (text,) in rows(connection, query, number))


def may_send_as(
    connection: apsw.Connection, account: str, address: Address, defaults: SiteDefaults
) -> bool:
    """Whether a grant lets the account send as this address, with or without a detail."""
    domain = one(connection, _DOMAIN, address.domain)
    separator = defaults.separator if domain is None or domain[0] is None else domain[0]
    base = Address(sub_address(address.local, separator)[0], address.domain)
    keys = (account, address.key, base.key, f"@{address.domain}")
    return one(connection, _SEND_GRANT, *keys) is not None


def may_act_as(connection: apsw.Connection, authcid: str, authzid: str) -> AccountId | None:
    """The account that `authzid` names, if `authcid` is it or may act as it; else None."""
    row = find_account(connection, authzid)
    if row is None:
        return None
    number, target, _ = row
    if target == authcid:
        return AccountId(target)
    granted = one(connection, _ACT_GRANT, authcid, number) is not None
    return AccountId(target) if granted else None


def rows(connection: apsw.Connection, query: str, *values: object) -> list[Row]:
    """All rows of a query with these parameters."""
    return connection.execute(query, values).fetchall()


def one(connection: apsw.Connection, query: str, *values: object) -> Row | None:
    """The first row of a query, or None."""
    all_rows = rows(connection, query, *values)
    return all_rows[0] if all_rows else None


def words(text: str | None) -> frozenset[str] | None:
    """The set of words that a column holds as a JSON array; None for NULL."""
    return None if text is None else frozenset(json.loads(text))
