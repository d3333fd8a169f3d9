"""Which nameservers there are, and in which order they are asked.

Rules of this file:
1. The order is that of the configuration. A nameserver that cannot be reached, or that has missed
   several answers in turn, is asked after the others for a while, and never left out.
2. Any answer proves that a nameserver is there, also one that does not help. A question of a
   stranger's choice can make one nameserver slow, so a single miss proves nothing.
3. Operators are told once when no nameserver answers, and once when one does again.
4. A list of the system (resolv.conf) is looked at again from time to time; a file that cannot be
   read leaves things as they are, and one without nameservers means this machine (resolv.conf(5)).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from thurn.plugin import Clock, Diagnostics

DOWN_MISSES: Final = 3
"""Answers missed in turn after which a nameserver counts as down."""
DOWN_SECONDS: Final = 30.0
"""How long a nameserver that is down is asked after the others."""
LOOK_SECONDS: Final = 10.0
"""Time between two looks at the system's list."""
LISTED_MOST: Final = 8
"""Nameservers of the system's list that are used; the system itself uses 3."""
LIST_OCTETS: Final = 65_536
"""Octets of the system's list that are read."""
_PORT: Final = 53
_WITH_PORT: Final = re.compile(r"\[([^\]]+)\](?::(\d{1,5}))?|([\d.]+):(\d{1,5})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Nameserver:
    """Where a nameserver is."""

    address: IPv4Address | IPv6Address
    port: int = _PORT

    @property
    def is_loopback(self) -> bool:
        """Whether nobody else can answer in its place."""
        return self.address.is_loopback

    def __str__(self) -> str:
        return f"{self.address} port {self.port}"


THIS_MACHINE: Final = (Nameserver(IPv4Address("127.0.0.1")),)
"""The nameservers of a system whose list names none. resolv.conf(5)."""


def parse_nameserver(text: str) -> Nameserver:
    """An address, with a port behind it if it is not 53: "192.0.2.53:5353", "[::1]:5353".

    Raises:
        ValueError: it is not one.
    """
    match = _WITH_PORT.fullmatch(text)
    six, six_port, four, four_port = match.groups() if match else (None, None, None, None)
    port = int(six_port or four_port or _PORT)
    try:
        address = ip_address(six or four or text)
    except ValueError:
        raise ValueError(f'an address such as "192.0.2.53" or "[::1]:5353", not {text!r}') from None
    if not 0 < port < 65_536:
        raise ValueError(f"{port} is not a port")
    return Nameserver(address, port)


def listed_nameservers(path: Path) -> tuple[Nameserver, ...]:
    """The nameservers of a resolv.conf; this machine if it has none or cannot be read."""
    return _read_list(path) or THIS_MACHINE


def _read_list(path: Path) -> tuple[Nameserver, ...] | None:
    """What the file lists; None if it cannot be read."""
    try:
        with path.open("rb") as file:
            text = file.read(LIST_OCTETS).decode("utf-8", "replace")
    except OSError:
        return None
    found: list[Nameserver] = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["nameserver"]:
            with suppress(ValueError, IndexError):
                found.append(Nameserver(ip_address(words[1])))
    return tuple(found[:LISTED_MOST])


@dataclass(slots=True)
class _Standing:
    """How a nameserver has answered lately."""

    misses: int = 0
    down_at: float | None = None


class Nameservers:
    """The nameservers of an instance.

    Args:
        given: by the configuration.
        path: the system's list, for when none are given.
    """

    def __init__(
        self,
        given: Sequence[Nameserver],
        path: Path,
        clock: Clock,
        diagnostics: Diagnostics,
    ) -> None:
        self._path = None if given else path
        self._clock = clock
        self._diagnostics = diagnostics
        self._servers = tuple(given) or listed_nameservers(path)
        self._standings = {one: _Standing() for one in self._servers}
        self._seen = _mark(path)
        self._looked_at = clock.monotonic()
        self._told = False

    def in_order(self) -> list[Nameserver]:
        """All of them, in the order in which they are to be asked now."""
        self._look()
        now = self._clock.monotonic()
        return sorted(self._servers, key=lambda one: self._is_down(self._standings[one], now))

    def heard(self, server: Nameserver) -> None:
        """It has answered."""
        standing = self._standings.get(server)
        if standing is None:
            return
        standing.misses, standing.down_at = 0, None
        if self._told:
            self._told = False
            self._diagnostics.warning("resolver.back", nameserver=str(server))

    def missed(self, server: Nameserver, reason: str, *, is_closed: bool) -> None:
        """It has not answered.

        Args:
            server: which.
            reason: for operators.
            is_closed: nobody can have answered (a closed port, no way to it).
        """
        standing = self._standings.get(server)
        if standing is None:
            return
        standing.misses += 1
        if is_closed or standing.misses >= DOWN_MISSES:
            standing.misses = DOWN_MISSES
            standing.down_at = self._clock.monotonic()
        if not self._told and all(one.down_at is not None for one in self._standings.values()):
            self._told = True
            names = [str(one) for one in self._servers]
            self._diagnostics.warning("resolver.down", nameservers=names, failure=reason)

    @staticmethod
    def _is_down(standing: _Standing, now: float) -> bool:
        return standing.down_at is not None and now - standing.down_at < DOWN_SECONDS

    def _look(self) -> None:
        """Read the system's list again if it has changed."""
        now = self._clock.monotonic()
        if self._path is None or now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        mark = _mark(self._path)
        listed = None if mark is None or mark == self._seen else _read_list(self._path)
        if listed is None:
            return
        self._seen = mark
        self._servers = listed or THIS_MACHINE
        self._standings = {one: self._standings.get(one, _Standing()) for one in self._servers}


def _mark(path: Path) -> tuple[int, ...] | None:
    """What differs when a file has changed; None when it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
