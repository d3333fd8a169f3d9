"""Reads Dovecot's passwd-file: `name:password:uid:gid:gecos:home:shell:extra fields`.

Rules of this file: uid, gid, home, shell and `userdb_*` (except the quota) are ignored. Any other
extra field is an error, since it may be there to keep somebody out.
"""

from __future__ import annotations

import re
from typing import Any, Final

from thurn_kit.accounts import UnknownScheme, name_key

from thurn_account_sqlite.changes.account import Properties
from thurn_account_sqlite.imports.document import (
    BrokenImport,
    Import,
    ImportedAccount,
    read_password,
)

_QUOTA: Final = re.compile(r"\*?:?(?:storage|bytes)=(\d{1,15})([bBkKmMgGtT]?)")
_FACTORS: Final = {"": 1, "B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def read_passwd(text: str) -> Import:
    """The accounts in a text.

    Raises:
        BrokenImport: lines have no name, or fields are not understood.
    """
    accounts: list[ImportedAccount] = []
    findings: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            accounts.append(_account(f"line {number}", line.rstrip("\r").split(":", 7)))
        except UnknownScheme as error:
            findings.append(f"line {number}: the password cannot be used: {error}")
        except ValueError as error:
            findings.append(f"line {number}: {error}")
    if findings:
        raise BrokenImport(findings)
    return Import((), tuple(accounts))


def _account(place: str, fields: list[str]) -> ImportedAccount:
    name, password, _, _, gecos, _, _, extra = [*fields, *[""] * (8 - len(fields))]
    if not name:
        raise ValueError("there is no name")
    values: dict[str, Any] = {}
    if gecos:
        values["display_name"] = gecos.split(",")[0]
    for word in extra.split():
        _apply(values, word)
    stored, clear = read_password(password)
    return ImportedAccount(
        place,
        Properties(name, **values),
        frozenset(values),
        identifier=name_key(name),
        password=stored,
        clear=clear,
    )


def _apply(values: dict[str, Any], word: str) -> None:
    """Write the meaning of one extra field into the account's values."""
    name, _, value = word.partition("=")
    if name == "nologin":
        values["enabled"] = False
    elif name == "userdb_quota_rule":
        match = _QUOTA.fullmatch(value)
        if match is None:
            raise ValueError(f"the quota rule {value!r} is not understood")
        # Dovecot counts `storage` in kilobytes if no unit is given.
        unit = match[2].upper() or ("K" if "storage=" in value else "")
        values["quota_octets"] = int(match[1]) * _FACTORS[unit]
    elif not name.startswith("userdb_"):
        raise ValueError(f"the field {name!r} is not understood")
