"""Reads a file in any of the known forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final

from thurn_account_sqlite.imports.csvform import read_csv
from thurn_account_sqlite.imports.document import BrokenImport, Import
from thurn_account_sqlite.imports.passwdform import read_passwd
from thurn_account_sqlite.imports.tomlform import read_toml

SIZE_OCTETS: Final = 256 * 2**20
"""Size of a file in octets: about a million accounts; a larger file is probably another one."""

_READERS: Final = {"toml": read_toml, "passwd": read_passwd, "csv": read_csv}
FORMATS: Final = tuple(_READERS)
"""The names of the known forms."""


def read_import(
    file: BinaryIO, kind: str | None, domains: Sequence[str], *, new_ids: bool
) -> Import:
    """The content of a file.

    Args:
        file: the open file; without `kind` its name says the form.
        kind: one of `FORMATS`.
        domains: domains of the site to be added to those of the file.
        new_ids: whether the accounts get new ids instead of those in the file.

    Raises:
        BrokenImport: the file cannot be read, or has mistakes.
    """
    path = Path(file.name)
    if kind is None:
        suffix = path.suffix.removeprefix(".").lower()
        kind = suffix if suffix in ("toml", "csv") else "passwd"
    try:
        octets = file.read(SIZE_OCTETS + 1)
        text = octets.decode("utf-8-sig")
    except OSError as error:
        raise BrokenImport([f"{path} cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError:
        raise BrokenImport([f"{path} is not UTF-8"]) from None
    if len(octets) > SIZE_OCTETS:
        raise BrokenImport([f"{path} is larger than {SIZE_OCTETS} octets"])
    content = _READERS[kind](text)
    accounts = content.accounts
    if new_ids:
        accounts = tuple(replace(account, identifier=None) for account in accounts)
    names = dict.fromkeys((*content.domains, *domains))
    return replace(content, domains=tuple(names), accounts=accounts)
