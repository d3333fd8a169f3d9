"""What `bind = "address:port"` means.

Rules of this file: it imports the standard library and `types` only, because the supervisor imports
it and must stay small; every error says what to change.

    bind    = host ":" port / "unix:" path
    host    = "*" / IPv4address / "[" IPv6address "]" / name    ; RFC 1123 §2.1
    port    = 1*5DIGIT          ; 0: any free port, for tests
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from thurn.types.errors import ConfigError

PORT_MAXIMUM: Final = 65535
UNIX_PATH_OCTETS: Final = 107
"""Most octets of a unix socket's path: sockaddr_un has room for 108, and the last one is NUL."""
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME: Final = re.compile(rf"(?=.{{1,253}}$)(?:{_LABEL}\.)*(?![0-9]+$){_LABEL}")


@dataclass(frozen=True, slots=True)
class InternetBind:
    """A TCP address; host "*" is every address of both families."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class UnixBind:
    """A unix stream socket, open to its owner only."""

    path: str


def parse_bind(spec: str) -> InternetBind | UnixBind:
    """What a bind specification means.

    Raises:
        ConfigError: it has none of the forms above.
    """
    if spec.startswith("unix:"):
        path = spec[len("unix:") :]
        if not path.startswith("/") or "\0" in path or len(os.fsencode(path)) > UNIX_PATH_OCTETS:
            limit = f"at most {UNIX_PATH_OCTETS} octets"
            raise ConfigError([f'bind "{spec}": "unix:" needs an absolute path of {limit}'])
        return UnixBind(path)
    host, colon, port = spec.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if bracketed:
        host = host[1:-1]
    elif ":" in host or "[" in host:
        raise ConfigError([f'bind "{spec}": write an IPv6 address as "[address]:port"'])
    if not colon or not host:
        raise ConfigError([f'bind "{spec}": write "address:port", "*:port" or "unix:/path"'])
    if not (port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= PORT_MAXIMUM):
        raise ConfigError([f'bind "{spec}": a port is a number up to {PORT_MAXIMUM}'])
    is_name = not bracketed and (host == "*" or _HOST_NAME.fullmatch(host))
    if not is_name and not _is_address(host):
        raise ConfigError([f'bind "{spec}": "{host}" is neither an address nor a host name'])
    return InternetBind(host, int(port))


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
