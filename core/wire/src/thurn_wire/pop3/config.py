"""The settings of the POP3 server engine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from thurn_wire.error import LocalProtocolError

_IMPLEMENTATION: Final = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True)
class Pop3Config:
    """The settings of a server engine.

    Attributes:
        greeting: the text of the greeting.
        implementation: shown to everybody by CAPA; not announced if empty. RFC 2449 §6.9.
        expire_days: the fewest days until the server itself removes mail; None: it never does.
            RFC 2449 §6.7.
        login_delay_seconds: the least time between two logins; None: any. RFC 2449 §6.5.
    """

    greeting: str = "POP3 ready"
    implementation: str = ""
    expire_days: int | None = None
    login_delay_seconds: int | None = None

    def __post_init__(self) -> None:
        if self.implementation and not _IMPLEMENTATION.fullmatch(self.implementation):
            raise LocalProtocolError("implementation: printable ASCII without spaces, at most 200")
        for number in (self.expire_days, self.login_delay_seconds):
            if number is not None and number < 0:
                raise LocalProtocolError("a number of days or seconds is negative")
