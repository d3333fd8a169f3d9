"""When certificates end, as `thurn status` shows it; for TLS plugins.

Its library is the extra `thurn-kit[certificates]`, imported when something is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from thurn.plugin import StatusValue

SOON_DAYS: Final = 14
"""Days before the end of a certificate from which an operator is warned: authorities renew a
month before it."""


def certificate_end(pem: bytes) -> datetime:
    """When the first certificate of a PEM text ends, in UTC.

    Raises:
        ValueError: no certificate can be read.
    """
    from cryptography import x509  # noqa: PLC0415 - 80 ms, and only `thurn status` asks

    return x509.load_pem_x509_certificates(pem)[0].not_valid_after_utc


def certificates_status(pems: Mapping[str, bytes], now: float) -> Mapping[str, StatusValue]:
    """The status of a TLS product: the end of each certificate, and a warning for one that ends
    soon.

    Args:
        pems: certificates by what an operator calls them, such as their file.
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
