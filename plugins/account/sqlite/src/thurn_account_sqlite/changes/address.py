"""Changes of accounts' addresses. An address has one meaning: it is an account's, or an alias."""

from __future__ import annotations

from typing import TypeAlias

from thurn_account_sqlite.changes.change import Change, ChangeRefused, read_address

Owner: TypeAlias = tuple[int, str, str]
"""The number, id and name of an account."""


def add_address(change: Change, owner: Owner, text: str) -> bool:
    """Give an account an address, and return whether it was new.

    Raises:
        ChangeRefused: the text is not an address, or one at another site's domain, or the address
            has another meaning.
    """
    number, account, name = owner
    address = read_address(text)
    change.own_domain(address.domain)
    key = address.key
    row = change.one("SELECT account FROM address WHERE key = ?", key)
    if row is not None:
        if row[0] == number:
            return False
        raise ChangeRefused(f"{key} is already {_meaning(change, row[0])}")
    row = change.one("SELECT number, name FROM account WHERE name_key = ?", key)
    if row is not None and row[0] != number:
        raise ChangeRefused(f"{key} is the login name of another account")
    change.run(
        "INSERT INTO address SELECT ?, ?, ?, ?, "
        "ifnull(max(position) + 1, 0) FROM address WHERE account = ?",
        key,
        str(address),
        address.domain,
        number,
        number,
    )
    change.note("address.added", name, account, address=key)
    return True


def remove_address(change: Change, owner: Owner, text: str) -> bool:
    """Take an address away from an account, and return whether it had it.

    Raises:
        ChangeRefused: an alias leads to the account, and this is its last address.
    """
    number, account, name = owner
    key = read_address(text).key
    query = "SELECT position FROM address WHERE key = ? AND account = ?"
    if change.one(query, key, number) is None:
        return False
    row = change.one("SELECT count(*) FROM address WHERE account = ?", number)
    alias = change.one("SELECT alias FROM target WHERE account = ?", number)
    if row is not None and row[0] == 1 and alias is not None:
        raise ChangeRefused(
            f"the alias {alias[0]} leads to {name}: give {name} another address before you remove "
            f"{key}"
        )
    change.run("DELETE FROM address WHERE key = ?", key)
    close_gap(change, number)
    change.note("address.removed", name, account, address=key)
    return True


def make_primary(change: Change, owner: Owner, text: str) -> bool:
    """Make one of the account's addresses the primary one, and return whether it was not.

    Raises:
        ChangeRefused: the address is not the account's.
    """
    number, account, name = owner
    key = read_address(text).key
    query = "SELECT position FROM address WHERE key = ? AND account = ?"
    row = change.one(query, key, number)
    if row is None:
        raise ChangeRefused(f"{key} is not an address of {name}: add it with --add-address {key}")
    if row[0] == 0:
        return False
    change.run("UPDATE address SET position = position + 1 WHERE account = ?", number)
    change.run("UPDATE address SET position = 0 WHERE key = ?", key)
    change.note("address.primary", name, account, address=key)
    return True


def close_gap(change: Change, number: int) -> None:
    """Make the first address that the account still has its primary one (position 0)."""
    change.run(
        "UPDATE address SET position = 0 WHERE account = ? AND position = ("
        "SELECT min(position) FROM address WHERE account = ?)",
        number,
        number,
    )


def _meaning(change: Change, number: int | None) -> str:
    if number is None:
        return "an alias: delete the alias first"
    row = change.one("SELECT name FROM account WHERE number = ?", number)
    return "an address of another account" if row is None else f"an address of {row[0]}"
