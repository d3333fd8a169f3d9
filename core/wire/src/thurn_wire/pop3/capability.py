"""The capabilities that CAPA announces: exactly what works, with these settings, in this session.

Rules of this file:
1. The list depends on the state only for STLS, which disappears under TLS and after login: RFC 2449
   §6 and RFC 5034 §3 announce all others in both states.
2. UTF8 and LANG (RFC 6856) are not implemented and not announced.

    EXPIRE      = "NEVER" / days;  LOGIN-DELAY = seconds
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from thurn_wire import sasl
from thurn_wire.error import LocalProtocolError
from thurn_wire.pop3.config import Pop3Config

_MECHANISM: Final = re.compile(rf"[A-Z0-9_-]{{1,{sasl.MECHANISM_OCTETS}}}")


@dataclass(frozen=True, slots=True)
class Offer:
    """How a client may log in now; the session sets it at first, and again after STLS.

    Attributes:
        mechanisms: SASL mechanisms in order of preference. RFC 5034 §3.
        user: USER and PASS. RFC 2449 §6.3.
        apop: APOP; the greeting must hold a timestamp. RFC 1939 §7.
        starttls: STLS. RFC 2595 §4.
    """

    mechanisms: tuple[str, ...] = ()
    user: bool = False
    apop: bool = False
    starttls: bool = False

    def __post_init__(self) -> None:
        for mechanism in self.mechanisms:
            if not _MECHANISM.fullmatch(mechanism):
                raise LocalProtocolError(f"not the name of a SASL mechanism: {mechanism!r}")


def lines(config: Pop3Config, offer: Offer, *, starttls: bool) -> bytes:
    """The capability lines, ready to send. RFC 2449 §5.

    Args:
        config: the settings of the site.
        offer: how a client may log in.
        starttls: STLS would be accepted now.
    """
    expire = "NEVER" if config.expire_days is None else str(config.expire_days)
    words = ["TOP", "UIDL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", f"EXPIRE {expire}"]
    if config.login_delay_seconds is not None:
        words.append(f"LOGIN-DELAY {config.login_delay_seconds}")
    if offer.user:
        words.append("USER")
    if offer.mechanisms:
        words.append("SASL " + " ".join(offer.mechanisms))
    if starttls:
        words.append("STLS")
    if config.implementation:
        words.append(f"IMPLEMENTATION {config.implementation}")
    return "\r\n".join([*words, ""]).encode("ascii")
