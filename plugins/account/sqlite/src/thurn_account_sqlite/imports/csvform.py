"""Reads CSV with a header line. RFC 4180.

Columns: name (required), password, addresses, display_name, groups, services, quota,
quota_messages, enabled, store, id. Spaces separate several addresses, groups or services in a cell.
An empty cell counts as if the column were missing.
"""

from __future__ import annotations

import csv
import io
from typing import Final

from pydantic import TypeAdapter, ValidationError
from thurn.plugin import Size
from thurn_kit.accounts import UnknownScheme

from thurn_account_sqlite.changes.account import Properties
from thurn_account_sqlite.imports.document import (
    BrokenImport,
    Import,
    ImportedAccount,
    read_password,
)

COLUMNS: Final = frozenset(
    {
        "name",
        "password",
        "addresses",
        "display_name",
        "groups",
        "services",
        "quota",
        "quota_messages",
        "enabled",
        "store",
        "id",
    }
)
_FIELDS: Final = {
    "display_name": "display_name",
    "groups": "groups",
    "services": "services",
    "quota": "quota_octets",
    "quota_messages": "quota_messages",
    "enabled": "enabled",
    "store": "store",
}
_ENABLED: Final = {"": True, "yes": True, "true": True, "1": True}
_DISABLED: Final = {"no": False, "false": False, "0": False}


def read_csv(text: str) -> Import:
    """The accounts in a text.

    Raises:
        BrokenImport: the header is missing, or columns or values are not understood.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, restkey="", restval="")
    try:
        names = reader.fieldnames or ()
        columns = set(names)
        unknown = sorted(columns - COLUMNS)
        if "name" not in columns or unknown:
            raise BrokenImport(
                [f"the first line must name columns: name, and any of {', '.join(sorted(COLUMNS))}"]
                + [f"the column {name!r} is unknown" for name in unknown]
            )
        twice = sorted(name for name in columns if list(names).count(name) > 1)
        if twice:
            raise BrokenImport([f"there are two columns {name!r}" for name in twice])
        return _rows(reader)
    except csv.Error as error:
        raise BrokenImport([f"line {reader.line_num}: {error}"]) from None


def _rows(reader: csv.DictReader[str]) -> Import:
    accounts: list[ImportedAccount] = []
    findings: list[str] = []
    for row in reader:
        place = f"line {reader.line_num}"
        try:
            if "" in row:
                raise ValueError("the line has more cells than the header")  # noqa: TRY301 - reported with the others
            accounts.append(_account(place, row))
        except UnknownScheme as error:
            findings.append(f"{place}: the password cannot be used: {error}")
        except ValueError as error:
            findings.append(f"{place}: {error}")
    if findings:
        raise BrokenImport(findings)
    return Import((), tuple(accounts))


def _account(place: str, row: dict[str, str]) -> ImportedAccount:
    def cell(name: str) -> str:
        return row.get(name, "").strip()

    if not cell("name"):
        raise ValueError("there is no name")
    enabled = {**_ENABLED, **_DISABLED}.get(cell("enabled").lower())
    if enabled is None:
        raise ValueError(f"enabled must be yes or no, not {cell('enabled')!r}")
    messages = cell("quota_messages")
    if messages and not (messages.isascii() and messages.isdecimal() and len(messages) <= 18):
        raise ValueError(f"quota_messages must be a number, not {messages!r}")
    password, clear = read_password(row.get("password", ""))
    properties = Properties(
        name=cell("name"),
        display_name=cell("display_name"),
        enabled=enabled,
        services=frozenset(cell("services").split()) or None,
        groups=frozenset(cell("groups").split()),
        quota_octets=_size(cell("quota")),
        quota_messages=int(messages) if messages else None,
        store=cell("store") or None,
    )
    return ImportedAccount(
        place,
        properties,
        frozenset(field for column, field in _FIELDS.items() if cell(column)),
        tuple(cell("addresses").split()) or None,
        cell("id") or None,
        password,
        clear,
    )


def _size(text: str) -> int | None:
    try:
        return TypeAdapter(Size).validate_python(text) if text else None
    except ValidationError:
        raise ValueError(f"quota must be a size such as 2GiB, not {text!r}") from None
