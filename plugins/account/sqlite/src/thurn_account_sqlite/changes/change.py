"""One change: a transaction, who makes it and when, and its lines in the history.

Rules of this file:
1. A change that cannot be made raises `ChangeRefused`, whose text says what to do instead; the
   whole transaction is then rolled back.
2. Every change adds a line to the history in the same transaction; a change without effect adds
   none. Secrets, hashes and keys are never in the history.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import apsw
from thurn.plugin import Address, AddressError
from thurn_message.address import parse_domain

from thurn_account_sqlite.lookup import Row, find_account, one, rows

DAY_SECONDS: Final = 86_400.0
"""Seconds in a day."""


class ChangeRefused(ValueError):
    """A change cannot be made; the text says why, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Change:
    """A transaction in progress.

    Attributes:
        who: who makes it: a person and system account of the machine, or "login".
        at: when it is made, in POSIX seconds.
    """

    connection: apsw.Connection
    who: str
    at: float

    def one(self, query: str, *values: object) -> Row | None:
        """The first row of a query, or None."""
        return one(self.connection, query, *values)

    def rows(self, query: str, *values: object) -> list[Row]:
        """All rows of a query."""
        return rows(self.connection, query, *values)

    def run(self, query: str, *values: object) -> int:
        """Run a statement, and return how many rows it changed."""
        self.connection.execute(query, values)
        return int(self.connection.changes())

    def note(self, action: str, subject: str, account: str | None = None, **facts: object) -> None:
        """Add a line to the history."""
        self.connection.execute(
            "INSERT INTO history (at, who, action, subject, account, facts) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (self.at, self.who, action, subject, account, json.dumps(facts, ensure_ascii=False)),
        )

    def account(self, name: str) -> tuple[int, str]:
        """The number and id of the account with this name or address.

        Raises:
            ChangeRefused: there is no such account.
        """
        return known_account(self.connection, name)

    def own_domain(self, text: str) -> str:
        """A domain of the site in normal form.

        Raises:
            ChangeRefused: the text is not a domain, or not one of the site's.
        """
        return own_domain(self.connection, text)

    def forget(self, days: int) -> None:
        """Delete older lines of the history, but never the newest one (see `newest_change`).

        Lines are in the order of time, so only the lines to be deleted are read.
        """
        self.connection.execute(
            "DELETE FROM history WHERE number < "
            "(SELECT number FROM history WHERE at >= ? ORDER BY number LIMIT 1)",
            (self.at - days * DAY_SECONDS,),
        )


def known_account(connection: apsw.Connection, name: str) -> tuple[int, str]:
    """The number and id of the account with this name or address.

    Raises:
        ChangeRefused: there is no such account.
    """
    row = find_account(connection, name)
    if row is None:
        raise ChangeRefused(f"there is no account {name!r}: see thurn account list")
    return row[0], row[1]


def own_domain(connection: apsw.Connection, text: str) -> str:
    """A domain of the site in normal form.

    Raises:
        ChangeRefused: the text is not a domain, or not one of the site's.
    """
    domain = read_domain(text)
    if one(connection, "SELECT 1 FROM domain WHERE name = ?", domain) is None:
        raise ChangeRefused(
            f"{domain} is not a domain of this site: add it with thurn domain add {domain}"
        )
    return domain


def read_address(text: str) -> Address:
    """The address that a text is.

    Raises:
        ChangeRefused: the text is not an address.
    """
    try:
        return Address.parse(text)
    except AddressError as error:
        raise ChangeRefused(f"{text!r} is not an address: {error.reason}") from None


def read_domain(text: str) -> str:
    """The domain name that a text is, in normal form.

    Raises:
        ChangeRefused: the text is not a domain name.
    """
    try:
        return parse_domain(text)
    except AddressError as error:
        raise ChangeRefused(f"{text!r} is not a domain: {error.reason}") from None


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The old and new values of changed fields, for a line of the history."""
    return {key: [old[key], new[key]] for key in new if old[key] != new[key]}
