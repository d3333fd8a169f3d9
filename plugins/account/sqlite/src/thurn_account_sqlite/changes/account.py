"""Changes of accounts and their properties.

Addresses are changed in `address`, passwords in `credential`.
"""

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
"""Random octets of a new id: with 80 bits two accounts never get the same id, even in copies of a
site."""
ID_CHARACTERS: Final = 255
"""Length in characters of an id that an import or `--id` gives."""
TEXT_CHARACTERS: Final = 1_000
"""Length in characters of a display name, a group, a store, and of an attribute's key and value."""

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
    """The properties of an account: all but its addresses and passwords.

    Attributes:
        services: the protocols that it may use; None for all.
        quota_octets: how much mail it may store; None without a limit.
        quota_messages: how many messages it may store; None without a limit.
        store: the store instance; None for the site's default.
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
    """Add an account, and return its number and id.

    Args:
        change: the transaction.
        new: the account's properties.
        addresses: its own addresses, the primary one first.
        identifier: the AccountId that its mail is stored under already; None for a new one.

    Raises:
        ChangeRefused: the name, an address or the id is invalid or belongs to another account.
    """
    key = _checked_name(change, new.name, None)
    account = identifier if identifier is not None else secrets.token_hex(ID_OCTETS)
    if not 0 < len(account) <= ID_CHARACTERS or not account.isprintable():
        raise ChangeRefused(f"{account!r} cannot be an id")
    if change.one("SELECT 1 FROM account WHERE id = ?", account) is not None:
        raise ChangeRefused(f"another account has the id {account}")
    change.run(_INSERT, account, key, change.at, *_row(new))
    number = int(change.connection.last_insert_rowid())
    change.note("account.added", new.name, account, **_facts(new))
    for text in addresses:
        add_address(change, (number, account, new.name), text)
    return number, account


def read_properties(change: Change, number: int) -> Properties:
    """The properties of an account now."""
    row = change.one(_SELECT, number)
    if row is None:
        raise ChangeRefused("the account was deleted meanwhile")
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
    """Give an account these properties, and return whether that changed anything.

    Raises:
        ChangeRefused: the new name is invalid or another account's, or a value cannot be stored.
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
    """Delete an account with its addresses, passwords and grants; its mail stays in the store.

    Returns:
        The account's name, and the aliases that led to it alone and are deleted as well.

    Raises:
        ChangeRefused: there is no such account.
    """
    number, account = change.account(name)
    name = read_properties(change, number).name
    keys = [k for (k,) in change.rows("SELECT key FROM address WHERE account = ?", number)]
    query = "SELECT DISTINCT alias FROM target WHERE account = ? ORDER BY alias"
    old_targets = {key: shown_targets(change, key) for (key,) in change.rows(query, number)}
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
    # Aliases, domains and accounts that lose something have lines of their own in the history.
    for key in [key for key in old_targets if key not in aliases]:
        change.note("alias.set", key, targets=[old_targets[key], shown_targets(change, key)])
    for domain in domains:
        change.note("domain.changed", domain, postmaster=[name, None])
    for other, identifier in acting:
        change.note("act_as.ended", other, identifier, target=name)
    return name, aliases


def _checked_name(change: Change, name: str, number: int | None) -> str:
    """The key of a name; raises ChangeRefused if it is invalid or another account has it."""
    key = name_key(name)
    if key is None:
        raise ChangeRefused(
            f"{name!r} cannot be a name: use letters, digits and signs without spaces, or an "
            "address"
        )
    row = change.one("SELECT number, name FROM account WHERE name_key = ?", key)
    if row is not None and row[0] != number:
        raise ChangeRefused(
            f"there is an account {row[1]} already: change it with thurn account set {row[1]}"
        )
    row = change.one(
        "SELECT a.number, a.name FROM address d JOIN account a ON a.number = d.account "
        "WHERE d.key = ?",
        key,
    )
    if row is not None and row[0] != number:
        raise ChangeRefused(f"{name} is an address of the account {row[1]}: choose another name")
    return key


def _row(new: Properties) -> tuple[Any, ...]:
    texts = (new.display_name, *new.groups, *new.attributes, *new.attributes.values())
    for text in (*texts, new.store or ""):
        if len(text) > TEXT_CHARACTERS or any(c < " " or c == "\x7f" for c in text):
            raise ChangeRefused(
                f"{text[:40]!r}… cannot be stored: it is too long, or has control characters"
            )
    check_services(new.services)
    for number in (new.quota_octets, new.quota_messages):
        if number is not None and not 0 <= number < 2**63:
            raise ChangeRefused(f"{number} cannot be a quota")
    return tuple(
        json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
        for value in _facts(new).values()
    )


def check_services(services: frozenset[str] | None) -> None:
    """Check that the words have the form of protocols' names.

    Raises:
        ChangeRefused: one does not.
    """
    for word in services or ():
        if _WORD.fullmatch(word) is None:
            raise ChangeRefused(
                f"{word!r} is not a service: use words such as imap, pop3, submission"
            )


def _facts(properties: Properties) -> dict[str, Any]:
    """The properties as the table and the history store them, in the order of `_COLUMNS`."""
    values: dict[str, Any] = {name: getattr(properties, name) for name in _COLUMNS}
    values["services"] = None if properties.services is None else sorted(properties.services)
    values["groups"] = sorted(properties.groups)
    values["attributes"] = dict(properties.attributes)
    return values
