"""Changes of grants: the addresses that an account may send as, and the accounts it may act as."""

from __future__ import annotations

from typing import Final

from thurn_account_sqlite.changes.address import Owner
from thurn_account_sqlite.changes.change import Change, read_address, read_domain

EVERYBODY: Final = "*"
"""The word for a grant to act as every account, later ones included."""


def grant_key(text: str) -> str:
    """The key of an address or "@domain", of the site or another one.

    Raises:
        ChangeRefused: the text is neither.
    """
    return f"@{read_domain(text[1:])}" if text.startswith("@") else read_address(text).key


def allow_sending(change: Change, owner: Owner, text: str) -> bool:
    """Let an account send as an address or a whole domain, and return whether that is new.

    Raises:
        ChangeRefused: the text is neither an address nor "@domain".
    """
    number, account, name = owner
    key = grant_key(text)
    is_new = change.run("INSERT OR IGNORE INTO send_grant VALUES (?, ?)", number, key) > 0
    if is_new:
        change.note("send_as.granted", name, account, address=key)
    return is_new


def end_sending(change: Change, owner: Owner, text: str) -> bool:
    """End the grant to send as an address or domain, and return whether there was one.

    Raises:
        ChangeRefused: the text is neither an address nor "@domain".
    """
    number, account, name = owner
    key = grant_key(text)
    ended = change.run("DELETE FROM send_grant WHERE account = ? AND key = ?", number, key) > 0
    if ended:
        change.note("send_as.ended", name, account, address=key)
    return ended


def allow_acting(change: Change, owner: Owner, target: str) -> bool:
    """Let an account act as another one or as `EVERYBODY`, and return whether that is new.

    Raises:
        ChangeRefused: there is no such account.
    """
    number, account, name = owner
    other = None if target == EVERYBODY else change.account(target)[0]
    is_new = change.run("INSERT OR IGNORE INTO act_grant VALUES (?, ?)", number, other) > 0
    if is_new:
        change.note("act_as.granted", name, account, target=target)
    return is_new


def end_acting(change: Change, owner: Owner, target: str) -> bool:
    """End the grant to act as another account, and return whether there was one.

    Raises:
        ChangeRefused: there is no such account.
    """
    number, account, name = owner
    other = None if target == EVERYBODY else change.account(target)[0]
    query = "DELETE FROM act_grant WHERE account = ? AND target IS ?"
    ended = change.run(query, number, other) > 0
    if ended:
        change.note("act_as.ended", name, account, target=target)
    return ended
