"""Changes of the site's domains."""

from __future__ import annotations

from thurn_account_sqlite.changes.address import close_gap
from thurn_account_sqlite.changes.change import Change, ChangeRefused, differences, read_domain
from thurn_account_sqlite.lookup import one

SITE_DEFAULT = "default"
"""The word for the separator or postmaster of the settings."""


def add_domain(
    change: Change, text: str, *, separator: str | None, postmaster: str | None
) -> tuple[str, bool]:
    """Add a domain to the site, and return its normal form and whether it was new.

    Raises:
        ChangeRefused: the text is not a domain, or the domain exists with other settings.
    """
    domain = read_domain(text)
    number = None if postmaster is None else change.account(postmaster)[0]
    row = change.one("SELECT separator, postmaster FROM domain WHERE name = ?", domain)
    if row is not None:
        if (separator, number) in ((None, None), row):
            return domain, False
        raise ChangeRefused(
            f"{domain} exists with other settings: change them with thurn domain set {domain}"
        )
    _check_separator(separator)
    change.run("INSERT INTO domain VALUES (?, ?, ?, ?)", domain, separator, number, change.at)
    change.note("domain.added", domain, separator=separator, postmaster=postmaster)
    return domain, True


def set_domain(
    change: Change, text: str, *, separator: str | None, postmaster: str | None
) -> tuple[str, bool]:
    """Change a domain's settings, and return its normal form and whether that changed anything.

    None leaves a setting as it is, and `SITE_DEFAULT` removes the domain's own.

    Raises:
        ChangeRefused: there is no such domain or account, or the separator is invalid.
    """
    domain = change.own_domain(text)
    row = one(
        change.connection,
        "SELECT d.separator, a.name, d.postmaster FROM domain d "
        "LEFT JOIN account a ON a.number = d.postmaster WHERE d.name = ?",
        domain,
    )
    old_separator, old_name, number = row if row is not None else (None, None, None)
    new = {"separator": old_separator, "postmaster": old_name}
    old = dict(new)
    if separator is not None:
        new["separator"] = None if separator == SITE_DEFAULT else separator
        _check_separator(new["separator"])
    if postmaster is not None:
        number = None if postmaster == SITE_DEFAULT else change.account(postmaster)[0]
        new["postmaster"] = None if number is None else _name(change, number)
    facts = differences(old, new)
    if facts:
        query = "UPDATE domain SET separator = ?, postmaster = ? WHERE name = ?"
        change.run(query, new["separator"], number, domain)
        change.note("domain.changed", domain, None, **facts)
    return domain, bool(facts)


def delete_domain(change: Change, text: str, *, with_addresses: bool) -> tuple[str, list[str]]:
    """Delete a domain, and return its normal form and the addresses and aliases deleted with it.

    Raises:
        ChangeRefused: there is no such domain, it has addresses and `with_addresses` is false, or
            an alias elsewhere leads to an account that would have no address left.
    """
    domain = change.own_domain(text)
    query = "SELECT key, account FROM address WHERE domain = ? ORDER BY key"
    rows = change.rows(query, domain)
    if rows and not with_addresses:
        own = sum(account is not None for _, account in rows)
        raise ChangeRefused(
            f"{domain} still has {own} addresses of accounts and {len(rows) - own} aliases: "
            "delete them first, or add --with-addresses"
        )
    _refuse_lost_targets(change, domain)
    change.run("DELETE FROM address WHERE domain = ?", domain)
    for number in {account for _, account in rows if account is not None}:
        close_gap(change, number)
    change.run("DELETE FROM domain WHERE name = ?", domain)
    keys = [key for key, _ in rows]
    change.note("domain.deleted", domain, addresses=keys)
    for key, number in rows:
        owner = change.one("SELECT name, id FROM account WHERE number = ?", number)
        if owner is not None:
            change.note("address.removed", *owner, address=key)
    return domain, keys


def _refuse_lost_targets(change: Change, domain: str) -> None:
    """Refuse to take the last address of an account to which a remaining alias leads."""
    row = change.one(
        "SELECT t.alias, a.name FROM target t JOIN account a ON a.number = t.account "
        "JOIN address s ON s.key = t.alias WHERE s.domain <> ? AND NOT EXISTS ("
        "SELECT 1 FROM address d WHERE d.account = t.account AND d.domain <> ?)",
        domain,
        domain,
    )
    if row is not None:
        raise ChangeRefused(
            f"the alias {row[0]} leads to {row[1]}, which would have no address left: "
            f"give {row[1]} another address, or delete the alias"
        )


def _name(change: Change, number: int) -> str:
    row = change.one("SELECT name FROM account WHERE number = ?", number)
    return "" if row is None else str(row[0])


def _check_separator(separator: str | None) -> None:
    if separator and (len(separator) != 1 or not separator.isascii() or separator.isalnum()):
        raise ChangeRefused(
            f"{separator!r} cannot be a separator: use one sign such as + or -, or ''"
        )
