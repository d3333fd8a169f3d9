"""The entries that commands show: plain values, ready for JSON, without secrets, hashes or keys."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import apsw
from thurn_kit.accounts import name_key

from thurn_account_sqlite.lookup import MAIN, one, own_addresses, record, rows, words

Entry: TypeAlias = dict[str, Any]
"""The values of one entry by name."""

_ACCOUNTS: Final = """
SELECT a.number, a.id, a.name FROM account a
WHERE (?1 IS NULL OR EXISTS (
    SELECT 1 FROM address d WHERE d.account = a.number AND d.domain = ?1))
ORDER BY a.name_key
"""
_CREDENTIALS: Final = """
SELECT label, scheme, services, created, last_used, expires FROM credential
WHERE account = ? ORDER BY label <> 'main', label
"""
_STORED_KEYS: Final = """
SELECT k.scheme FROM stored_key k JOIN credential c ON c.number = k.credential
WHERE c.account = ? ORDER BY k.scheme
"""
_LEADING: Final = "SELECT alias FROM target WHERE account = ? ORDER BY alias"
_SEND_AS: Final = "SELECT key FROM send_grant WHERE account = ? ORDER BY key"
_ACT_AS: Final = """
SELECT ifnull(t.name, '*') FROM act_grant g LEFT JOIN account t ON t.number = g.target
WHERE g.account = ? ORDER BY 1
"""
_DOMAINS: Final = """
SELECT d.name, d.separator, a.name, d.created,
    (SELECT count(*) FROM address s WHERE s.domain = d.name AND s.account IS NOT NULL),
    (SELECT count(*) FROM address s WHERE s.domain = d.name AND s.account IS NULL)
FROM domain d LEFT JOIN account a ON a.number = d.postmaster ORDER BY d.name
"""
_ALIASES: Final = """
SELECT d.key, ifnull(t.address, a.name)
FROM address d JOIN target t ON t.alias = d.key LEFT JOIN account a ON a.number = t.account
WHERE ?1 IS NULL OR d.domain = ?1 ORDER BY d.domain, d.key, t.position
"""
_HISTORY: Final = """
SELECT h.at, h.who, h.action, h.subject, h.account, a.name, h.facts
FROM history h LEFT JOIN account a ON a.id = h.account
WHERE ?1 IS NULL OR h.account = ?1 OR h.subject = ?2 COLLATE NOCASE OR h.account IN (
    SELECT account FROM history WHERE subject = ?2 COLLATE NOCASE)
ORDER BY h.number DESC LIMIT ?3
"""


def accounts(connection: apsw.Connection, domain: str | None, group: str | None) -> list[Entry]:
    """All accounts, or only those with an address at a domain, or only those in a group."""
    entries = (_account(connection, *row) for row in rows(connection, _ACCOUNTS, domain))
    return [entry for entry in entries if group is None or group in entry["groups"]]


def account(connection: apsw.Connection, number: int) -> Entry:
    """Everything about an account except secrets."""
    query = "SELECT number, id, name FROM account WHERE number = ?"
    entry = _account(connection, *(one(connection, query, number) or ()))
    entry["aliases"] = _column(connection, _LEADING, number)
    entry["send_as"] = _column(connection, _SEND_AS, number)
    entry["act_as"] = _column(connection, _ACT_AS, number)
    entry["credentials"] = credentials(connection, number)
    entry["stored_keys"] = _column(connection, _STORED_KEYS, number)
    return entry


def credentials(connection: apsw.Connection, number: int) -> list[Entry]:
    """The passwords of an account in order of their labels, the main one first."""
    return [
        {
            "label": label,
            "kind": "main" if label == MAIN else "app",
            "scheme": scheme,
            "services": _sorted(words(services)),
            "created": moment(created),
            "last_used": moment(used),
            "expires": moment(expires),
        }
        for label, scheme, services, created, used, expires in rows(
            connection, _CREDENTIALS, number
        )
    ]


def domains(connection: apsw.Connection) -> list[Entry]:
    """All domains of the site."""
    keys = ("domain", "separator", "postmaster", "created", "addresses", "aliases")
    return [
        {**dict(zip(keys, row, strict=True)), "created": moment(row[3])}
        for row in rows(connection, _DOMAINS)
    ]


def aliases(connection: apsw.Connection, domain: str | None) -> list[Entry]:
    """All aliases with their targets, or only those at a domain."""
    by_alias: dict[str, list[str]] = {}
    for key, target in rows(connection, _ALIASES, domain):
        by_alias.setdefault(key, []).append(target)
    return [{"alias": key, "targets": targets} for key, targets in by_alias.items()]


def history(connection: apsw.Connection, name: str | None, limit: int) -> list[Entry]:
    """The newest changes: all, or those of a domain, an alias, or an account.

    An account is found by every name that it has or had, and its changes under other names are
    included. `account_name` is its name today; None where there is no account, or it is gone.
    """
    identifier, subject = name, name
    if name is not None:
        subject = name if name.startswith("@") else name_key(name) or name
        query = """
        SELECT id FROM account WHERE name_key = ?1 OR id = ?1 UNION ALL
        SELECT a.id FROM address d JOIN account a ON a.number = d.account WHERE d.key = ?1
        """
        row = one(connection, query, subject)
        identifier = name if row is None else row[0]
    keys = ("at", "who", "action", "subject", "account", "account_name", "facts")
    return [
        {**dict(zip(keys, row, strict=True)), "at": moment(row[0]), "facts": json.loads(row[6])}
        for row in rows(connection, _HISTORY, identifier, subject, limit)
    ]


def moment(seconds: float | None) -> str | None:
    """A time as ISO 8601 in UTC. RFC 3339."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _account(connection: apsw.Connection, number: int, identifier: str, name: str) -> Entry:
    facts = record(connection, identifier)
    if facts is None:
        raise LookupError(identifier)
    return {
        "name": name,
        "id": identifier,
        "display_name": facts.display_name,
        "enabled": facts.enabled,
        "addresses": [str(address) for address in own_addresses(connection, number)],
        "services": _sorted(facts.services),
        "groups": _sorted(facts.groups),
        "quota_octets": facts.quota_octets,
        "quota_messages": facts.quota_messages,
        "store": facts.store,
        "attributes": dict(facts.attributes),
    }


def _column(connection: apsw.Connection, query: str, number: int) -> list[str]:
    return [value for (value,) in rows(connection, query, number)]


def _sorted(texts: Iterable[str] | None) -> list[str] | None:
    return None if texts is None else sorted(texts)
