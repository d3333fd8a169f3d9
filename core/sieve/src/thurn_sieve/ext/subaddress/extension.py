"""`:user` and `:detail` of a local part. RFC 5233 §4.

The setting `subaddress.separator` is the text between the two, `+` by default. The local part is
split where the separator occurs first.
"""

from __future__ import annotations

from typing import Final

from thurn_sieve.context import MailAddress
from thurn_sieve.registry import AddressPart, Extension
from thurn_sieve.runtime import Runtime


def _split(rt: Runtime, address: MailAddress) -> tuple[str | None, str | None]:
    if address.local is None:
        return None, None
    name, separator, detail = address.local.partition(rt.setting("subaddress.separator", "+"))
    # RFC 5233 §4: without a separator there is no detail; the detail after one may be empty.
    return name, detail if separator else None


def _name(rt: Runtime, address: MailAddress) -> str | None:
    return _split(rt, address)[0]


def _detail(rt: Runtime, address: MailAddress) -> str | None:
    return _split(rt, address)[1]


EXTENSION: Final = Extension(
    "subaddress", address_parts=(AddressPart("user", _name), AddressPart("detail", _detail))
)
