"""Passwords of accounts: the main one and app passwords. The history knows labels, no more."""

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
APP_PASSWORDS: Final = 100
"""Of one account: each is tried at a login, at a microsecond."""

_PUT: Final = """
INSERT INTO credential (account, label, scheme, value, prepared, services, created, expires)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""


def set_main(change: Change, owner: Owner, stored: Stored) -> None:
    """The account has this main password, and no other."""
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
    """The account has no main password; returns whether it had."""
    number, account, name = owner
    query = "DELETE FROM credential WHERE account = ? AND label = ?"
    gone = change.run(query, number, MAIN) > 0
    if gone:
        change.note("password.removed", name, account)
    return gone


def add_app_password(
    change: Change,
    owner: Owner,
    label: str,
    value: str,
    *,
    services: frozenset[str] | None,
    expires: float | None,
) -> None:
    """The account has an app password of this label.

    Raises:
        ChangeRefused: the label is taken or impossible, or there are too many.
    """
    number, account, name = owner
    if not 0 < len(label) <= LABEL_CHARACTERS or not label.isprintable() or label == MAIN:
        raise ChangeRefused(f"{label!r} cannot be a label: a short text such as phone")
    check_services(services)
    if expires is not None and expires <= change.at:
        raise ChangeRefused("it would be over already: give --expires a time that is to come")
    query = "SELECT 1 FROM credential WHERE account = ? AND label = ?"
    if change.one(query, number, label) is not None:
        raise ChangeRefused(f"{name} has an app password {label!r}: revoke it, or take another one")
    row = change.one("SELECT count(*) FROM credential WHERE account = ?", number)
    if row is not None and row[0] > APP_PASSWORDS:
        raise ChangeRefused(f"{name} has {APP_PASSWORDS} app passwords: revoke some")
    words = None if services is None else json.dumps(sorted(services))
    change.run(_PUT, number, label, SCHEME, value, 0, words, change.at, expires)
    shown = None if services is None else sorted(services)
    change.note("app_password.added", name, account, label=label, services=shown, expires=expires)


def revoke_app_password(change: Change, owner: Owner, label: str) -> None:
    """The account has no app password of this label.

    Raises:
        ChangeRefused: it had none.
    """
    number, account, name = owner
    if label == MAIN:
        raise ChangeRefused(f"the main password: thurn account passwd {name} --remove")
    query = "DELETE FROM credential WHERE account = ? AND label = ?"
    if not change.run(query, number, label):
        raise ChangeRefused(f"{name} has no app password {label!r}: see app-password list")
    change.note("app_password.revoked", name, account, label=label)


def renew_main(connection: apsw.Connection, old: Credential, stored: Stored, at: float) -> bool:
    """What is stored of the same password is better; nothing if it was changed meanwhile."""
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
    """The credential was used about then; no history."""
    connection.execute("UPDATE credential SET last_used = ? WHERE number = ?", (at, number))


def _put_keys(connection: apsw.Connection, number: int, stored: Stored) -> None:
    rows = [(number, scheme, value) for scheme, value in stored.keys.items()]
    connection.executemany("INSERT INTO stored_key VALUES (?, ?, ?)", rows)
