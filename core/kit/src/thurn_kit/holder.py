"""Whose a content is in the ledger, for the bound of one holder (ADR 0019)."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network

from thurn.plugin import Session

from thurn_kit.sources import exact

CUSTOMER_BITS = 64
"""Bits of an IPv6 address that name a customer, who has a whole /64 and counts as one."""


def holder_of(session: Session) -> str | None:
    """The account of a session, or its peer's address, of IPv6 the /64; None: a unix socket's."""
    if session.identity is not None:
        return str(session.identity.account)
    if session.peer is None:
        return None
    address = exact(session.peer)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), CUSTOMER_BITS), strict=False))
    return str(address)


__all__ = ["holder_of"]
