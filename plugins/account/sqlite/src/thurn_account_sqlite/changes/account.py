"""Accounts: what the site says of them. Addresses are in `address`, passwords in `credential`."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from thurn_kit.accounts import name_key

from thurn_account_sqlite.changes.address import add_address
from thurn_account_sqlite.changes.alias import shown_targets
from thurn_account_sqlite.changes.change import Change, ChangeRefused, differences

ID_OCTETS: Final = 10
"""80 random bits: two accounts never get the same id, not even over copies of a site."""
ID_CHARACTERS: Final = 255
TEXT_CHARACTERS: Final = 1_000
"""Of a display name, a group, an attribute."""

_WORD: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_COLUMNS: Final = (
    "name",
    "display_name",
    "enabled",
    "services",
    "groups",
    "quota_octets",
    "quota_messages",
    "store",
    "attributes",
)
_INSERT: Final = """
INSERT INTO account (id, name_key, created, name, display_name, enabled, services, groups,
    quota_octets, quota_messages, store, attributes)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SELECT: Final = """
SELECT name, display_name, enabled, services, groups, quota_octets, quota_messages, store,
    attributes
FROM account WHERE number = ?
"""
_ACTING: Final = """
SELECT a.name, a.id FROM act_grant g JOIN account a ON a.number = g.account
WHERE g.target = ? ORDER BY a.name
"""
_UPDATE: Final = """
UPDATE account SET name_key = ?, name = ?, display_name = ?, enabled = ?, services = ?, groups = ?,
    quota_octets = ?, quota_messages = ?, store = ?, attributes = ?
WHERE number = ?
"""


@dataclass(frozen=True, slots=True)
class Properties:
    """What is said of an account, besides addresses and passwords.

    Attributes:
        services: None is all.
        store: None is the site's default.
    """

    name: str
    display_name: str = ""
    enabled: bool = True
    services: frozenset[str] | None = None
    groups: frozenset[str] = frozenset()
    quota_octets: int | None = None
    quota_messages: int | None = None
    store: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


def add_account(
    change: Change, new: Properties, addresses: Iterable[str], identifier: str | None = None
) -> tuple[int, str]:
    """The account is there; returns its number and id.

    Args:
        change: the transaction.
        new: what is said of it.
        addresses: its own, the primary one first.
        identifier: the AccountId that it has elsewhere, so that its mail stays its own.

    Raises:
        ChangeRefused: the name, an address or the id is taken or impossible.
    """
    key = _checked_name(change, new.name, None)
    account = identifier if identifier is not None else secrets.token_hex(ID_OCTETS)
    if not 0 < len(account) <= ID_CHARACTERS or not account.isprintable():
        raise ChangeRefused(f"{account!r} cannot be an id")
    if change.one("SELECT 1 FROM account WHERE id = ?", account) is not None:
        raise ChangeRefused(f"the id {account} is taken by another account")
    change.run(_INSERT, account, key, change.at, *_row(new))
    number = int(change.connection.last_insert_rowid())
    change.note("account.added", new.name, account, **_facts(new))
    for text in addresses:
        add_address(change, (number, account, new.name), text)
    return number, account


def read_properties(change: Change, number: int) -> Properties:
    """What is said of an account now."""
    row = change.one(_SELECT, number)
    if row is None:
        raise ChangeRefused("the account has gone meanwhile")
    name, display_name, enabled, services, groups, octets, messages, store, attributes = row
    return Properties(
        name,
        display_name,
        bool(enabled),
        None if services is None else frozenset(json.loads(services)),
        frozenset(json.loads(groups)),
        octets,
        messages,
        store,
        json.loads(attributes),
    )


def set_account(change: Change, number: int, account: str, new: Properties) -> bool:
    """All this is said of the account; returns whether anything else was before.

    Raises:
        ChangeRefused: the new name is taken or impossible, a word cannot be stored.
    """
    old = read_properties(change, number)
    facts = differences(_facts(old), _facts(new))
    if not facts:
        return False
    key = _checked_name(change, new.name, number)
    change.run(_UPDATE, key, *_row(new), number)
    change.note("account.changed", old.name, account, **facts)
    return True


def delete_account(change: Change, name: str) -> tuple[str, list[str]]:
    """The account, its addresses, passwords and grants are gone; its mail is not touched.

    Returns:
        Its name, and the aliases that led to it alone and went with it.

    Raises:
        ChangeRefused: there is none.
    """
    number, account = change.account(name)
    name = read_properties(change, number).name
    keys = [k for (k,) in change.rows("SELECT key FROM address WHERE account = ?", number)]
    query = "SELECT DISTINCT alias FROM target WHERE account = ? ORDER BY alias"
    led = {key: shown_targets(change, key) for (key,) in change.rows(query, number)}
    query = "SELECT name FROM domain WHERE postmaster = ? ORDER BY name"
    domains = [domain for (domain,) in change.rows(query, number)]
    acting = change.rows(_ACTING, number)
    change.run("DELETE FROM account WHERE number = ?", number)
    query = """
    SELECT key FROM address WHERE account IS NULL AND key NOT IN (SELECT alias FROM target)
    """
    aliases = [key for (key,) in change.rows(query)]
    for key in aliases:
        change.run("DELETE FROM address WHERE key = ?", key)
    change.note("account.deleted", name, account, addresses=keys, aliases=aliases)
    # What others lose by it has a line of its own, where who looks at them finds it.
    for key in [one for one in led if one not in aliases]:
        change.note("alias.set", key, targets=[led[key], shown_targets(change, key)])
    for domain in domains:
        change.note("domain.changed", domain, postmaster=[name, None])
    for other, identifier in acting:
        change.note("act_as.ended", other, identifier, target=name)
    return name, aliases


def _checked_name(change: Change, name: str, number: int | None) -> str:
    """The key of a name that no other account has."""
    key = name_key(name)
    if key is None:
        raise ChangeRefused(f"{name!r} cannot be a name: letters, digits, signs, or an address")
    row = change.one("SELECT number, name FROM account WHERE name_key = ?", key)
    if row is not None and row[0] != number:
        raise ChangeRefused(f"the account {row[1]} is there already: thurn account set {row[1]}")
    row = change.one(
        "SELECT a.number, a.name FROM address d JOIN account a ON a.number = d.account "
        "WHERE d.key = ?",
        key,
    )
    if row is not None and row[0] != number:
        raise ChangeRefused(f"{name} is an address of the account {row[1]}: take another name")
    return key


def _row(new: Properties) -> tuple[Any, ...]:
    texts = (new.display_name, *new.groups, *new.attributes, *new.attributes.values())
    for text in (*texts, new.store or ""):
        if len(text) > TEXT_CHARACTERS or any(c < " " or c == "\x7f" for c in text):
            raise ChangeRefused(f"{text[:40]!r}… cannot be stored: too long, or controls in it")
    check_services(new.services)
    for number in (new.quota_octets, new.quota_messages):
        if number is not None and not 0 <= number < 2**63:
            raise ChangeRefused(f"{number} cannot be a quota")
    return tuple(
        json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
        for value in _facts(new).values()
    )


def check_services(services: frozenset[str] | None) -> None:
    """The words are protocols' names by their form.

    Raises:
        ChangeRefused: one is not.
    """
    for word in services or ():
        if _WORD.fullmatch(word) is None:
            raise ChangeRefused(f"{word!r} is no service: words such as imap, pop3, submission")


def _facts(properties: Properties) -> dict[str, Any]:
    """The fields as the table and the history have them, in the order of `_COLUMNS`."""
    values: dict[str, Any] = {name: getattr(properties, name) for name in _COLUMNS}
    values["services"] = None if properties.services is None else sorted(properties.services)
    values["groups"] = sorted(properties.groups)
    values["attributes"] = dict(properties.attributes)
    return values
