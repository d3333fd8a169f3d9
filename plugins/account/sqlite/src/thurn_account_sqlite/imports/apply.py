"""Applies an import in one change: everything or nothing.

Rules of this file:
1. Accounts that exist stay as they are, unless `update` is given: then the properties that the file
   names are changed, and addresses are only added.
2. All mistakes are reported at once.
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
    content: Import,
    hashed: Mapping[str, Stored],
    *,
    update: bool,
    on_account: Callable[[], object],
) -> Counter[str]:
    """Apply an import, and return the numbers of accounts, aliases and domains by what was done.

    Args:
        change: the transaction.
        content: the content of the file.
        hashed: the stored forms of passwords in clear text, by the account's name.
        update: whether accounts that exist are changed.
        on_account: called after each account.

    Raises:
        ChangeRefused: something cannot be imported; the text lists all of it.
    """
    counted: Counter[str] = Counter(added=0, changed=0, skipped=0, aliases=0, domains=0)
    findings: list[str] = []
    domains: list[str] = []
    for text in content.domains:
        try:
            domain, new = add_domain(change, text, separator=None, postmaster=None)
            domains.append(domain)
            counted["domains"] += new
        except ChangeRefused as error:
            findings.append(str(error))
    all_domains = [name for (name,) in change.rows("SELECT name FROM domain ORDER BY name")]
    default_domains = domains or all_domains
    seen: set[str | None] = set()
    for account in content.accounts:
        key = name_key(account.properties.name)
        if key in seen:
            name = account.properties.name
            findings.append(f"{account.place}: there are two accounts with the name {name}")
            continue
        seen.add(key)
        try:
            counted[_apply(change, account, default_domains, hashed, update)] += 1
        except ChangeRefused as error:
            findings.append(f"{account.place}: {error}")
        on_account()
    for name, targets in content.aliases.items():
        for text in [name] if "@" in name else [f"{name}@{domain}" for domain in default_domains]:
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
