"""Changes of passwords: the main one and app passwords.

The history has only their labels and schemes.
"""

from __future__ import annotations

import json
from typing import Final

import apsw

from thurn_account_sqlite.apppassword import SCHEME
from thurn_account_sqlite.changes.account import check_services
from thurn_account_sqlite.changes.address import Owner
from thurn_account_sqlite.changes.change import Change, ChangeRefused
from thurn_account_sqlite.lookup import MAIN, Credential
from thurn_account_sqlite.stored import Stored

LABEL_CHARACTERS: Final = 64
"""Length in characters of a label, which people read in lists."""
APP_PASSWORDS: Final = 100
"""App passwords of one account: a login compares all of them, at a microsecond each."""

_PUT: Final = """
INSERT INTO credential (account, label, scheme, value, prepared, services, created, expires)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


def set_main(change: Change, owner: Owner, stored: Stored) -> None:
    """Replace the account's main password."""
    number, account, name = owner
    query = "DELETE FROM credential WHERE account = ? AND label = ?"
    change.run(query, number, MAIN)
    password = stored.password
    row = (number, MAIN, password.scheme, password.value, stored.prepared, None, change.at, None)
    change.run(_PUT, *row)
    _put_keys(change.connection, int(change.connection.last_insert_rowid()), stored)
    change.note(
        "password.set", name, account, scheme=password.scheme, stored_keys=sorted(stored.keys)
    )


def remove_main(change: Change, owner: Owner) -> bool:
    """Remove the account's main password, and return whether it had one."""
    number, account, name = owner
    query = "DELETE FROM credential WHERE account = ? AND label = ?"
    removed = change.run(query, number, MAIN) > 0
    if removed:
        change.note("password.removed", name, account)
    return removed


def add_app_password(
    change: Change,
    owner: Owner,
    label: str,
    value: str,
    *,
    services: frozenset[str] | None,
    expires: float | None,
) -> None:
    """Add an app password to the account.

    Args:
        change: the transaction.
        owner: the account.
        label: what the password is for; unique in the account.
        value: the stored form, see `hash_app_password`.
        services: the protocols that it is for; None for all.
        expires: when it ends, in POSIX seconds; None for never.

    Raises:
        ChangeRefused: the label is used or invalid, it has expired already, or there are too many.
    """
    number, account, name = owner
    if not 0 < len(label) <= LABEL_CHARACTERS or not label.isprintable() or label == MAIN:
        raise ChangeRefused(f"{label!r} cannot be a label: use a short text such as phone")
    check_services(services)
    if expires is not None and expires <= change.at:
        raise ChangeRefused("it would have expired already: give --expires a time in the future")
    query = "SELECT 1 FROM credential WHERE account = ? AND label = ?"
    if change.one(query, number, label) is not None:
        raise ChangeRefused(
            f"{name} has an app password {label!r} already: revoke it, or use another label"
        )
    row = change.one("SELECT count(*) FROM credential WHERE account = ?", number)
    if row is not None and row[0] > APP_PASSWORDS:
        raise ChangeRefused(f"{name} has {APP_PASSWORDS} app passwords: revoke some")
    words = None if services is None else json.dumps(sorted(services))
    change.run(_PUT, number, label, SCHEME, value, 0, words, change.at, expires)
    shown = None if services is None else sorted(services)
    change.note("app_password.added", name, account, label=label, services=shown, expires=expires)


def revoke_app_password(change: Change, owner: Owner, label: str) -> None:
    """Delete the account's app password with this label.

    Raises:
        ChangeRefused: there is no such app password.
    """
    number, account, name = owner
    if label == MAIN:
        raise ChangeRefused(
            f"{label} is the main password: remove it with thurn account passwd {name} --remove"
        )
    query = "DELETE FROM credential WHERE account = ? AND label = ?"
    if not change.run(query, number, label):
        raise ChangeRefused(
            f"{name} has no app password {label!r}: see thurn account app-password list {name}"
        )
    change.note("app_password.revoked", name, account, label=label)


def renew_main(connection: apsw.Connection, old: Credential, stored: Stored, at: float) -> bool:
    """Store the same main password in a newer form, and return whether that was done.

    Nothing is stored if the password was changed meanwhile.
    """
    query = """
    UPDATE credential SET scheme = ?, value = ?, prepared = ?, last_used = ?
    WHERE number = ? AND value = ?
    """
    password = stored.password
    values = (password.scheme, password.value, stored.prepared, at, old.number, old.value)
    connection.execute(query, values)
    if not connection.changes():
        return False
    connection.execute("DELETE FROM stored_key WHERE credential = ?", (old.number,))
    _put_keys(connection, old.number, stored)
    change = Change(connection, "login", at)
    query = """
    SELECT a.name, a.id FROM credential c JOIN account a ON a.number = c.account WHERE c.number = ?
    """
    row = change.one(query, old.number)
    if row is not None:
        keys = sorted(stored.keys)
        change.note("password.renewed", *row, scheme=password.scheme, stored_keys=keys)
    return True


def mark_used(connection: apsw.Connection, number: int, at: float) -> None:
    """Note when a credential was used; the history gets no line."""
    connection.execute("UPDATE credential SET last_used = ? WHERE number = ?", (at, number))


def _put_keys(connection: apsw.Connection, number: int, stored: Stored) -> None:
    rows = [(number, scheme, value) for scheme, value in stored.keys.items()]
    connection.executemany("INSERT INTO stored_key VALUES (?, ?, ?)", rows)
