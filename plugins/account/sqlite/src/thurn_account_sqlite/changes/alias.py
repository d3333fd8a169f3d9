"""Changes of aliases: addresses, or "@domain" for all others there, that lead to targets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from thurn_kit.accounts import sub_address
from thurn_message.address import Address

from thurn_account_sqlite.changes.change import Change, ChangeRefused, read_address

TARGETS: Final = 1_000
"""Targets of one alias, as many as the host follows. A larger list needs list software."""

SEPARATOR: Final = "+"
"""What ends the local part of an address with a sub-address, at domains without a separator of
their own: the default of the setting, which no command of aliases knows."""

Target: TypeAlias = tuple[int | None, str | None]
"""The number of an account and None, or None and an address."""


def add_targets(change: Change, text: str, targets: Iterable[str]) -> tuple[str, bool]:
    """Add targets to an alias, which is created if it is missing.

    Returns:
        The alias's key, and whether anything changed.

    Raises:
        ChangeRefused: the address has another meaning, or a target is invalid.
    """
    key = alias_key(change, text)
    old = _targets(change, key)
    return key, _store(change, key, text, old, [*old, *_read(change, targets)])


def set_targets(change: Change, text: str, targets: Iterable[str]) -> tuple[str, bool]:
    """Give an alias these targets only; it is created if it is missing.

    Returns:
        The alias's key, and whether anything changed.

    Raises:
        ChangeRefused: see `add_targets`.
    """
    key = alias_key(change, text)
    return key, _store(change, key, text, _targets(change, key), _read(change, targets))


def remove_targets(change: Change, text: str, targets: Sequence[str]) -> tuple[str, bool]:
    """Take targets away from an alias; without targets, or with its last one, it is deleted.

    Returns:
        The alias's key, and whether it still exists.

    Raises:
        ChangeRefused: there is no such alias, or it has no such target.
    """
    key = alias_key(change, text)
    old = _targets(change, key)
    if not old:
        raise ChangeRefused(f"there is no alias {key}: see thurn alias list")
    removed = _read(change, targets) if targets else old
    for target, typed in zip(removed, targets, strict=False):
        if target not in old:
            raise ChangeRefused(f"{key} does not lead to {typed}: see thurn alias list")
    left = [target for target in old if target not in removed]
    if left:
        _store(change, key, text, old, left)
        return key, True
    change.run("DELETE FROM address WHERE key = ?", key)
    change.note("alias.deleted", key, targets=_shown(change, old))
    return key, False


def alias_key(change: Change, text: str) -> str:
    """The key of an address or "@domain" that can be an alias.

    Raises:
        ChangeRefused: the text is neither, or its domain is not one of the site's.
    """
    if text.startswith("@"):
        return f"@{change.own_domain(text[1:])}"
    address = read_address(text)
    change.own_domain(address.domain)
    return address.key


def _targets(change: Change, key: str) -> list[Target]:
    """The targets of an alias now; empty if there is no such alias.

    Raises:
        ChangeRefused: the address is an account's.
    """
    row = change.one(
        "SELECT a.name FROM address d JOIN account a ON a.number = d.account WHERE d.key = ?", key
    )
    if row is not None:
        raise ChangeRefused(
            f"{key} is an address of {row[0]}: remove it there first, with "
            f"thurn account set {row[0]} --remove-address {key}"
        )
    query = "SELECT account, address FROM target WHERE alias = ? ORDER BY position"
    return [(number, address) for number, address in change.rows(query, key)]


def _read(change: Change, texts: Iterable[str]) -> list[Target]:
    targets: list[Target] = []
    for text in texts:
        if "@" in text:
            targets.append((None, str(read_address(text))))
            continue
        number, _ = change.account(text)
        if change.one("SELECT 1 FROM address WHERE account = ?", number) is None:
            raise ChangeRefused(
                f"{text} has no address that mail could go to: add one with "
                f"thurn account set {text} --add-address …"
            )
        targets.append((number, None))
    return targets


def _store(
    change: Change, key: str, text: str, old: Sequence[Target], wanted: Sequence[Target]
) -> bool:
    new = list(dict.fromkeys(wanted))
    if _leads_back(change, key, new):
        raise ChangeRefused(f"{key} would lead to itself: name other targets")
    if not new:
        raise ChangeRefused(f"the alias {key} would have no targets: name one, or delete the alias")
    if len(new) > TARGETS:
        raise ChangeRefused(f"{key} would have {len(new)} targets; an alias may have {TARGETS}")
    if new == list(old):
        return False
    if not old:
        written = key if text.startswith("@") else str(read_address(text))
        domain = key.rpartition("@")[2]
        change.run("INSERT INTO address VALUES (?, ?, ?, NULL, 0)", key, written, domain)
    change.run("DELETE FROM target WHERE alias = ?", key)
    for position, (number, address) in enumerate(new):
        change.run("INSERT INTO target VALUES (?, ?, ?, ?)", key, position, number, address)
    change.note("alias.set", key, targets=[_shown(change, old), _shown(change, new)])
    return True


def _leads_back(change: Change, key: str, targets: Iterable[Target]) -> bool:
    """Whether an alias with these targets would lead to itself, over others or at once."""
    pending = [address for _, address in targets if address is not None]
    seen: set[str] = set()
    while pending:
        named = _named(change, read_address(pending.pop()), key)
        if named == key:
            return True
        if named is not None and named not in seen:
            seen.add(named)
            query = "SELECT address FROM target WHERE alias = ? AND address IS NOT NULL"
            pending += [address for (address,) in change.rows(query, named)]
    return False


def _named(change: Change, address: Address, key: str) -> str | None:
    """The key under which the database, with the alias `key` in it, has an address; None if nobody
    here has it."""
    domain = change.one("SELECT separator FROM domain WHERE name = ?", address.domain)
    if domain is None:
        return None
    local, _ = sub_address(address.local, SEPARATOR if domain[0] is None else domain[0])
    for candidate in (address.key, Address(local, address.domain).key, f"@{address.domain}"):
        if candidate == key or change.one("SELECT 1 FROM address WHERE key = ?", candidate):
            return candidate
    return None


def shown_targets(change: Change, key: str) -> list[str]:
    """The targets of an alias as people read them; empty if there is no such alias.

    Raises:
        ChangeRefused: the address is an account's.
    """
    return _shown(change, _targets(change, key))


def _shown(change: Change, targets: Iterable[Target]) -> list[str]:
    shown: list[str] = []
    for number, address in targets:
        row = change.one("SELECT name FROM account WHERE number = ?", number)
        shown.append(str(address) if row is None else row[0])
    return shown
