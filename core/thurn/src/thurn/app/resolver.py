"""The resolver of a site that names none: it asks the system for addresses, in a thread, and for
nothing else.

Rules of this file: the system does not say whether a name is missing, has no addresses, or cannot
be looked up now, so each of these is `LookupFailed`. Nothing is remembered, because the system
tells no lifetime. Names of /etc/hosts count, and so does the system's search list.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

import trio

from thurn.contracts.resolver import (
    DnsAnswer,
    LookupFailed,
    MailExchanger,
    NoSuchName,
    RecordSet,
    Tlsa,
    normal_name,
)
from thurn.types.errors import ConfigError
from thurn.types.session import PeerAddress


class SystemResolver:
    """See `thurn.contracts.resolver.Resolver`; all methods but `addresses` raise ConfigError."""

    async def addresses(self, name: str) -> DnsAnswer[PeerAddress]:
        """The addresses, in the system's order (RFC 6724)."""
        host = normal_name(name)
        if host is None:
            return NoSuchName(name, 0.0)
        try:
            entries = await trio.socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise LookupFailed(f"{host}: {error.strerror or error}") from error
        # An IPv6 address of a link has its interface behind "%".
        texts = dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in entries)
        return RecordSet(tuple(ip_address(text) for text in texts), host, 0.0)

    async def a(self, name: str) -> DnsAnswer[IPv4Address]:
        """Not by the system."""
        raise _missing(f"the A records of {name}")

    async def aaaa(self, name: str) -> DnsAnswer[IPv6Address]:
        """Not by the system."""
        raise _missing(f"the AAAA records of {name}")

    async def mx(self, name: str) -> DnsAnswer[MailExchanger]:
        """Not by the system."""
        raise _missing(f"the MX records of {name}")

    async def txt(self, name: str) -> DnsAnswer[bytes]:
        """Not by the system."""
        raise _missing(f"the TXT records of {name}")

    async def tlsa(self, host: str, port: int = 25) -> DnsAnswer[Tlsa]:
        """Not by the system."""
        raise _missing(f"the TLSA records of {host} port {port}")

    async def ptr(self, address: PeerAddress) -> DnsAnswer[str]:
        """Not by the system."""
        raise _missing(f"the names of {address}")

    async def cname(self, name: str) -> DnsAnswer[str]:
        """Not by the system."""
        raise _missing(f"the CNAME record of {name}")


def _missing(what: str) -> ConfigError:
    add = 'add resolver = "main" to [site] and a section [resolver.main] with type = "dns"'
    return ConfigError([f"[resolver.NAME] is missing: to look up {what}, {add}"])
