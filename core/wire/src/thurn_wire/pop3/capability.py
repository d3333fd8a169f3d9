"""The answer to CAPA: what is announced is what works, with these settings, in this session.

Rules of this file:
1. The list does not depend on the state but for STLS, which is gone once TLS is up and after login:
   RFC 2449 §6 and RFC 5034 §3 announce all others in both states.
2. UTF8 and LANG (RFC 6856) are not implemented and not announced.

    EXPIRE      = "NEVER" / days;  LOGIN-DELAY = seconds
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from thurn_wire.pop3 import limits

_MECHANISM: Final = re.compile(rf"[A-Z0-9_-]{{1,{limits.MECHANISM_OCTETS}}}")
_IMPLEMENTATION: Final = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True)
class Offer:
    """How a client may log in now; the listener says it anew after STLS.

    Attributes:
        mechanisms: SASL mechanisms in order of preference. RFC 5034 §3.
        user: USER and PASS. RFC 2449 §6.3.
        apop: APOP; the greeting must hold a timestamp. RFC 1939 §7.
        stls: STLS. RFC 2595 §4.
    """

    mechanisms: tuple[str, ...] = ()
    user: bool = False
    apop: bool = False
    stls: bool = False

    def __post_init__(self) -> None:
        for mechanism in self.mechanisms:
            if not _MECHANISM.fullmatch(mechanism):
                raise ValueError(f"not the name of a SASL mechanism: {mechanism!r}")


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """What a site says once.

    Attributes:
        greeting: text of the first line.
        implementation: shown to everybody by CAPA; empty: not announced. RFC 2449 §6.9.
        expire_days: least days until the server itself removes mail, None: never.
            RFC 2449 §6.7.
        login_delay_seconds: least time between two logins, None: none. RFC 2449 §6.5.
    """

    greeting: str = "POP3 ready"
    implementation: str = ""
    expire_days: int | None = None
    login_delay_seconds: int | None = None

    def __post_init__(self) -> None:
        if self.implementation and not _IMPLEMENTATION.fullmatch(self.implementation):
            raise ValueError("implementation: printable ASCII without spaces, at most 200")
        for number in (self.expire_days, self.login_delay_seconds):
            if number is not None and number < 0:
                raise ValueError("a number of days or seconds is negative")


def lines(config: ServerConfig, offer: Offer, *, stls: bool) -> bytes:
    """The capability lines, ready to send. RFC 2449 §5.

    Args:
        config: the site's settings.
        offer: how a client may log in.
        stls: whether STLS would be accepted now.
    """
    expire = "NEVER" if config.expire_days is None else str(config.expire_days)
    found = ["TOP", "UIDL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", f"EXPIRE {expire}"]
    if config.login_delay_seconds is not None:
        found.append(f"LOGIN-DELAY {config.login_delay_seconds}")
    if offer.user:
        found.append("USER")
    if offer.mechanisms:
        found.append("SASL " + " ".join(offer.mechanisms))
    if stls:
        found.append("STLS")
    if config.implementation:
        found.append(f"IMPLEMENTATION {config.implementation}")
    return "\r\n".join([*found, ""]).encode("ascii")
