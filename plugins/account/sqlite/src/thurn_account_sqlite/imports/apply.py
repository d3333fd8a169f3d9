"""Applies an import within one change: everything or nothing.

Rules of this file:
1. Accounts that are there stay as they are, unless told to update: then what the file names of
   them counts, and addresses are only added.
2. Everything that is wrong is told at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from thurn_kit.accounts import name_key

from thurn_account_sqlite.changes.account import add_account, read_properties, set_account
from thurn_account_sqlite.changes.address import add_address
from thurn_account_sqlite.changes.alias import add_targets
from thurn_account_sqlite.changes.change import Change, ChangeRefused
from thurn_account_sqlite.changes.credential import set_main
from thurn_account_sqlite.changes.domain import add_domain
from thurn_account_sqlite.imports.document import BrokenImport, Import, ImportedAccount
from thurn_account_sqlite.lookup import one
from thurn_account_sqlite.stored import Stored


def apply_import(
    change: Change,
    found: Import,
    hashed: Mapping[str, Stored],
    *,
    update: bool,
    told: Callable[[], object],
) -> Counter[str]:
    """How many accounts were added, changed and skipped; how many aliases and domains changed.

    Args:
        change: the transaction.
        found: the file.
        hashed: what is stored of passwords in the clear, by name of account.
        update: whether accounts that are there are changed.
        told: called after each account.

    Raises:
        ChangeRefused: all that cannot be done.
    """
    counted: Counter[str] = Counter(added=0, changed=0, skipped=0, aliases=0, domains=0)
    findings: list[str] = []
    domains: list[str] = []
    for text in found.domains:
        try:
            domain, new = add_domain(change, text, separator=None, postmaster=None)
            domains.append(domain)
            counted["domains"] += new
        except ChangeRefused as error:
            findings.append(str(error))
    known = [name for (name,) in change.rows("SELECT name FROM domain ORDER BY name")]
    everywhere = domains or known
    seen: set[str | None] = set()
    for account in found.accounts:
        key = name_key(account.properties.name)
        if key in seen:
            findings.append(f"{account.place}: {account.properties.name} is there twice")
            continue
        seen.add(key)
        try:
            counted[_apply(change, account, everywhere, hashed, update)] += 1
        except ChangeRefused as error:
            findings.append(f"{account.place}: {error}")
        told()
    for name, targets in found.aliases.items():
        for text in [name] if "@" in name else [f"{name}@{domain}" for domain in everywhere]:
            try:
                counted["aliases"] += add_targets(change, text, targets)[1]
            except ChangeRefused as error:
                findings.append(f"aliases.{name}: {error}")
    if findings:
        raise ChangeRefused(str(BrokenImport(findings)))
    return counted


def _apply(
    change: Change,
    account: ImportedAccount,
    domains: list[str],
    hashed: Mapping[str, Stored],
    update: bool,
) -> str:
    new = account.properties
    addresses = account.addresses
    if addresses is None:
        addresses = (new.name,) if "@" in new.name else tuple(f"{new.name}@{d}" for d in domains)
    row = one(
        change.connection, "SELECT number, id FROM account WHERE name_key = ?", name_key(new.name)
    )
    if row is None:
        number, identifier = add_account(change, new, addresses, account.identifier)
        _set_password(change, (number, identifier, new.name), account, hashed)
        return "added"
    if not update:
        return "skipped"
    number, identifier = row
    owner = (number, identifier, new.name)
    named = {field: getattr(new, field) for field in (*account.given, "name")}
    set_account(change, number, identifier, replace(read_properties(change, number), **named))
    for text in addresses:
        add_address(change, owner, text)
    _set_password(change, owner, account, hashed)
    return "changed"


def _set_password(
    change: Change,
    owner: tuple[int, str, str],
    account: ImportedAccount,
    hashed: Mapping[str, Stored],
) -> None:
    if account.clear:
        set_main(change, owner, hashed[account.properties.name])
    elif account.password is not None:
        set_main(change, owner, Stored(account.password, keys=account.stored_keys))
