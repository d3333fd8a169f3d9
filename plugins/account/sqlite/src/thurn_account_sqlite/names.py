"""The one normal form of names, addresses and domains.

Rules of this file:
1. Names of accounts compare in NFC with ASCII letters in lower case; a name with an @ is an
   address and compares by `Address.key`. What can be no name is None, never somebody.
2. A key of the table of addresses is an `Address.key`, or "@" and a domain: all else there.
"""

from __future__ import annotations

from typing import Final
from unicodedata import normalize

from thurn.types.address import Address, AddressError

NAME_CHARACTERS: Final = 255
_ASCII_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def name_key(name: str) -> str | None:
    """The form in which names are compared; None if it can be no name.

    A name with an @ that is no address is no name either.
    """
    if "@" in name:
        try:
            return Address.parse(name).key
        except AddressError:
            return None
    if not name or len(name) > NAME_CHARACTERS or not name.isprintable() or " " in name:
        return None
    return name.lower() if name.isascii() else normalize("NFC", name).translate(_ASCII_LOWER)


def sub_address(local: str, separator: str) -> tuple[str, str | None]:
    """A local part without its detail, and the detail; None where it has none. RFC 5233 §4."""
    if not separator:
        return local, None
    base, found, detail = local.partition(separator)
    return (base, detail) if found and base else (local, None)
