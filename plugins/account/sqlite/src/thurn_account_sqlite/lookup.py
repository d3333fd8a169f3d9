"""What the server asks the tables: functions over a connection, all by parameters, never by text.

Rules of this file:
1. An address is looked up as it is; then without the detail behind the domain's separator; then as
   postmaster (RFC 5321 §4.5.1: at every domain, any case); then as "@domain".
2. An alias stands for its targets; one that is an account stands for that account's primary
   address, whatever it is at this moment.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import apsw
from thurn.plugin import AccountId, AccountRecord, Address, Alias, Local, Resolution, UnknownAddress
from thurn_kit.accounts import PasswordHash, name_key, sub_address, usual_hash

MAIN: Final = "main"
"""The label of the password proper; every other label is an app password's."""
POSTMASTER: Final = "postmaster"
SAMPLE: Final = 50
"""Passwords that are looked at to see which kind is usual."""

Row: TypeAlias = tuple[Any, ...]

OURS: Final = UnknownAddress(domain_is_ours=True)
FOREIGN: Final = UnknownAddress(domain_is_ours=False)

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
    """One way to log in.

    Attributes:
        prepared: whether the value is of the password's SASLprep form.
        services: protocols that it is for; None is all.
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
    """What a login name leads to."""

    account: AccountId
    enabled: bool
    credentials: tuple[Credential, ...]
    keys: dict[str, str] = field(repr=False, hash=False)

    @property
    def main(self) -> Credential | None:
        """The password proper."""
        return next((c for c in self.credentials if c.label == MAIN), None)


@dataclass(frozen=True, slots=True)
class SiteDefaults:
    """What the settings say where a domain says nothing."""

    separator: str
    postmaster: str | None


def is_empty(connection: apsw.Connection) -> bool:
    """Whether no domain is ours."""
    return one(connection, "SELECT 1 FROM domain LIMIT 1") is None


def newest_change(connection: apsw.Connection) -> int:
    """The number of the newest entry of the history; what logins leave behind has none."""
    row = one(connection, "SELECT max(number) FROM history")
    return 0 if row is None or row[0] is None else int(row[0])


def usual_password(connection: apsw.Connection) -> PasswordHash:
    """A hash of the kind that most accounts have, as the newest ones show it."""
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
    """Number, id and "enabled" of the account with this login name or own address."""
    key = name_key(name)
    if key is None:
        return None
    return one(connection, _BY_NAME, key) or one(connection, _BY_ADDRESS, key)


def resolve(connection: apsw.Connection, address: Address, defaults: SiteDefaults) -> Resolution:
    """What mail to this address means."""
    domain = one(connection, _DOMAIN, address.domain)
    if domain is None:
        return FOREIGN
    found = _meaning(connection, address.key, None)
    if found is not None:
        return found
    separator = defaults.separator if domain[0] is None else domain[0]
    local, detail = sub_address(address.local, separator)
    if detail is not None:
        found = _meaning(connection, Address(local, address.domain).key, detail)
        if found is not None:
            return found
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
    # An account without an address cannot be a target (`changes`); a row without a text is none.
    return Alias(tuple(Address.parse(text) for (text,) in texts if text is not None))


def _default_postmaster(connection: apsw.Connection, defaults: SiteDefaults) -> str | None:
    """Who the settings name; else the first account, so that somebody reads it."""
    named = find_account(connection, defaults.postmaster) if defaults.postmaster else None
    if named is not None:
        return str(named[1])
    first = one(connection, _FIRST)
    return None if first is None else str(first[0])


def dangling(connection: apsw.Connection, defaults: SiteDefaults) -> list[str]:
    """The aliases that lead to nobody, at least in part, with the target."""
    query = "SELECT alias, address FROM target WHERE address IS NOT NULL ORDER BY alias, position"
    return [
        f"the alias {alias} leads to {text}, which is nobody here"
        for alias, text in rows(connection, query)
        if resolve(connection, Address.parse(text), defaults) == OURS
    ]


def record(connection: apsw.Connection, account: str) -> AccountRecord | None:
    """What the site says of an account."""
    try:
        row = one(connection, _RECORD, account)
    except UnicodeEncodeError:  # a surrogate: no id of ours
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
    """The account that `authcid` becomes when it asks to act as `authzid`."""
    found = find_account(connection, authzid)
    if found is None:
        return None
    number, target, _ = found
    if target == authcid:
        return AccountId(target)
    granted = one(connection, _ACT_GRANT, authcid, number) is not None
    return AccountId(target) if granted else None


def rows(connection: apsw.Connection, query: str, *values: object) -> list[Row]:
    """All rows; values are parameters, always."""
    return connection.execute(query, values).fetchall()


def one(connection: apsw.Connection, query: str, *values: object) -> Row | None:
    """The only row, or the first."""
    found = rows(connection, query, *values)
    return found[0] if found else None


def words(text: str | None) -> frozenset[str] | None:
    """A set as a column has it."""
    return None if text is None else frozenset(json.loads(text))
