"""Reads Dovecot's passwd-file: `name:password:uid:gid:gecos:home:shell:extra fields`.

Rules of this file: uid, gid, home, shell and the fields for Dovecot's own processes (`userdb_*`
except the quota) are ignored. Any other unknown field is an error, since it may restrict a login:
if it were ignored, people could log in whom the site wants to keep out.
"""

from __future__ import annotations

import re
from typing import Any, Final

from pydantic import ValidationError

from thurn_account_file.document import (
    AccountsDocument,
    AccountTable,
    BrokenFile,
    Place,
    Reading,
    finding,
)

_QUOTA: Final = re.compile(r"\*?:?(?:storage|bytes)=(\d{1,15})([bBkKmMgGtT]?)")
_FACTORS: Final = {"": 1, "B": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_FINDINGS: Final = 20
"""Mistakes that are reported for one file; a file of another format has one in each line."""


def read_passwd(text: str) -> Reading:
    """The document that a text contains.

    Raises:
        BrokenFile: lines have no name, a name is repeated, or fields are not understood.
    """
    accounts: dict[str, AccountTable] = {}
    lines: dict[str, int] = {}
    findings: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.rstrip("\r").partition(":")
        try:
            if not name or name in accounts:
                text = (
                    f"there are two accounts with the name {name}" if name else "there is no name"
                )
                raise ValueError(text)  # noqa: TRY301 - one place collects all mistakes
            accounts[name] = _account(rest.split(":", 6))
            lines[name] = number
        except ValueError as error:
            findings.append(finding(number, _message(error)))
            if len(findings) == _FINDINGS:
                break
    if findings:
        raise BrokenFile(findings)

    def line_of(place: Place) -> int:
        return lines.get(place[1], 0) if len(place) > 1 and place[0] == "accounts" else 0

    return Reading(AccountsDocument(accounts=accounts), line_of)


def _message(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return str(first["msg"])
    return str(error)


def _account(fields: list[str]) -> AccountTable:
    password, _, _, gecos, _, _, extra = [*fields, *[""] * (7 - len(fields))]
    table: dict[str, Any] = {"password": password, "display_name": gecos.split(",")[0]}
    for word in extra.split():
        _apply(table, word)
    return AccountTable.model_validate(table)


def _apply(table: dict[str, Any], word: str) -> None:
    """Write the meaning of one extra field into the account's table."""
    name, _, value = word.partition("=")
    if name == "nologin":
        table["enabled"] = False
    elif name == "userdb_quota_rule":
        match = _QUOTA.fullmatch(value)
        if match is None:
            raise ValueError(f"the quota rule {value!r} is not understood")
        # Dovecot counts `storage` in kilobytes if no unit is given.
        unit = match[2].upper() or ("K" if "storage=" in value else "")
        table["quota"] = int(match[1]) * _FACTORS[unit]
    elif not name.startswith("userdb_"):
        raise ValueError(f"the field {name!r} is not understood")
