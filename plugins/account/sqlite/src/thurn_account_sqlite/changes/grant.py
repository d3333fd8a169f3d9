"""Grants: as whom an account may send, and as whom it may act."""

from __future__ import annotations

from typing import Final

from thurn_account_sqlite.changes.address import Owner
from thurn_account_sqlite.changes.change import Change, read_address, read_domain

EVERYBODY: Final = "*"
"""The word for a grant to act as every account, later ones included."""


def grant_key(text: str) -> str:
    """The key of an address or "@domain", ours or not.

    Raises:
        ChangeRefused: it is none.
    """
    return f"@{read_domain(text[1:])}" if text.startswith("@") else read_address(text).key


def allow_sending(change: Change, owner: Owner, text: str) -> bool:
    """The account may send as this address or domain; returns whether it might not before.

    Raises:
        ChangeRefused: it is no address.
    """
    number, account, name = owner
    key = grant_key(text)
    made = change.run("INSERT OR IGNORE INTO send_grant VALUES (?, ?)", number, key) > 0
    if made:
        change.note("send_as.granted", name, account, address=key)
    return made


def end_sending(change: Change, owner: Owner, text: str) -> bool:
    """No grant lets the account send as this address or domain; returns whether one did."""
    number, account, name = owner
    key = grant_key(text)
    gone = change.run("DELETE FROM send_grant WHERE account = ? AND key = ?", number, key) > 0
    if gone:
        change.note("send_as.ended", name, account, address=key)
    return gone


def allow_acting(change: Change, owner: Owner, target: str) -> bool:
    """The account may act as another one, or as everybody; returns whether it might not before.

    Raises:
        ChangeRefused: there is no such account.
    """
    number, account, name = owner
    other = None if target == EVERYBODY else change.account(target)[0]
    made = change.run("INSERT OR IGNORE INTO act_grant VALUES (?, ?)", number, other) > 0
    if made:
        change.note("act_as.granted", name, account, target=target)
    return made


def end_acting(change: Change, owner: Owner, target: str) -> bool:
    """No grant lets the account act as that one; returns whether one did.

    Raises:
        ChangeRefused: there is no such account.
    """
    number, account, name = owner
    other = None if target == EVERYBODY else change.account(target)[0]
    query = "DELETE FROM act_grant WHERE account = ? AND target IS ?"
    gone = change.run(query, number, other) > 0
    if gone:
        change.note("act_as.ended", name, account, target=target)
    return gone
