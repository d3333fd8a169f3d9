"""One change: a transaction, who makes it and when, and the history that it leaves.

Rules of this file:
1. A change that cannot be made is `ChangeRefused`, whose text says what to do instead; the whole
   transaction is then undone.
2. Every change leaves a line of history in the same transaction; one that changes nothing leaves
   none. Secrets, hashes and keys are never in it.
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


class ChangeRefused(ValueError):
    """It cannot be done; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Change:
    """A transaction under way.

    Attributes:
        who: makes it: somebody of the machine, or "login".
        at: when.
    """

    connection: apsw.Connection
    who: str
    at: float

    def one(self, query: str, *values: object) -> Row | None:
        """The only row, or the first."""
        return one(self.connection, query, *values)

    def rows(self, query: str, *values: object) -> list[Row]:
        """All rows."""
        return rows(self.connection, query, *values)

    def run(self, query: str, *values: object) -> int:
        """How many rows it changed."""
        self.connection.execute(query, values)
        return int(self.connection.changes())

    def note(self, action: str, subject: str, account: str | None = None, **facts: object) -> None:
        """Leave a line of history."""
        self.connection.execute(
            "INSERT INTO history (at, who, action, subject, account, facts) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (self.at, self.who, action, subject, account, json.dumps(facts, ensure_ascii=False)),
        )

    def account(self, name: str) -> tuple[int, str]:
        """Number and id of the account with this name or address.

        Raises:
            ChangeRefused: there is none.
        """
        return known_account(self.connection, name)

    def own_domain(self, text: str) -> str:
        """A domain that is ours, in normal form.

        Raises:
            ChangeRefused: it is none, or not ours.
        """
        return own_domain(self.connection, text)

    def forget(self, days: int) -> None:
        """Take what is older out of the history, but never its newest line: see `newest_change`.

        Lines stand in the order of time, so only what goes is read.
        """
        self.connection.execute(
            "DELETE FROM history WHERE number < "
            "(SELECT number FROM history WHERE at >= ? ORDER BY number LIMIT 1)",
            (self.at - days * DAY_SECONDS,),
        )


def known_account(connection: apsw.Connection, name: str) -> tuple[int, str]:
    """Number and id of the account with this name or address.

    Raises:
        ChangeRefused: there is none.
    """
    found = find_account(connection, name)
    if found is None:
        raise ChangeRefused(f"there is no account {name!r}: see thurn account list")
    return found[0], found[1]


def own_domain(connection: apsw.Connection, text: str) -> str:
    """A domain that is ours, in normal form.

    Raises:
        ChangeRefused: it is none, or not ours.
    """
    domain = read_domain(text)
    if one(connection, "SELECT 1 FROM domain WHERE name = ?", domain) is None:
        raise ChangeRefused(f"{domain} is no domain of ours: thurn domain add {domain}")
    return domain


def read_address(text: str) -> Address:
    """An address.

    Raises:
        ChangeRefused: it is none.
    """
    try:
        return Address.parse(text)
    except AddressError as error:
        raise ChangeRefused(f"{text!r} is no address: {error.reason}") from None


def read_domain(text: str) -> str:
    """A domain name in normal form.

    Raises:
        ChangeRefused: it is none.
    """
    try:
        return parse_domain(text)
    except AddressError as error:
        raise ChangeRefused(f"{text!r} is no domain: {error.reason}") from None


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What a history line says of changed fields: old and new value."""
    return {key: [old[key], new[key]] for key in new if old[key] != new[key]}
