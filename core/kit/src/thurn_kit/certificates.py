"""When certificates end, as TLS plugins show it in `thurn status`.

The library (the extra `thurn-kit[certificates]`) is imported at the first call.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from thurn.plugin import StatusValue

SOON_DAYS: Final = 14
"""How many days before its end a certificate gets a warning: by then a renewal is overdue, since
clients of authorities renew a month before the end."""


def certificate_end(pem: bytes) -> datetime:
    """When the first certificate of a PEM text ends, in UTC.

    Raises:
        ValueError: the text contains no certificate that can be read.
    """
    from cryptography import x509  # noqa: PLC0415 - 80 ms, and only `thurn status` asks

    return x509.load_pem_x509_certificates(pem)[0].not_valid_after_utc


def certificates_status(pems: Mapping[str, bytes], now: float) -> Mapping[str, StatusValue]:
    """The status of a TLS product: when each certificate ends, and a warning if one ends soon.

    Args:
        pems: the PEM texts, by the names that an operator knows them by, such as their files.
        now: POSIX seconds.
    """
    facts: dict[str, StatusValue] = {}
    warnings: list[str] = []
    for name, pem in pems.items():
        try:
            end = certificate_end(pem)
        except ValueError as error:
            warnings.append(f"{name} cannot be read: {error}")
            continue
        facts[f"{name} ends"] = end.date().isoformat()
        days = (end - datetime.fromtimestamp(now, UTC)).days
        if days < 0:
            warnings.append(f"{name} has ended")
        elif days < SOON_DAYS:
            warnings.append(f"{name} ends in {days} days")
    if warnings:
        facts["warning"] = "; ".join(warnings)
    return facts
