"""From `bind = "address:port"` to listening sockets.

Rules of this file: it imports the standard library and `types` only, because the supervisor binds
and must stay small; every failure is a ConfigError that says what to change.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from thurn.types.bind import InternetBind, UnixBind, parse_bind
from thurn.types.errors import ConfigError

BACKLOG: Final = 1024
"""Most connections that wait in the kernel while the workers are busy or have no descriptor."""

_SOCKET_TABLES: Final = ("/proc/net/tcp", "/proc/net/tcp6")  # proc(5): local address, state in hex
_LISTENING: Final = "0A"


def bind(spec: str, place: str = "", going: Sequence[socket.socket] = ()) -> list[socket.socket]:
    """The listening, non-blocking sockets of a specification; a name may have several.

    Args:
        spec: `host:port` or `unix:path`.
        place: `file:line: ` of the specification, for the error.
        going: sockets of this process that are about to be closed; the new ones may have the same
            addresses.

    Raises:
        ConfigError: it cannot be bound; no socket is left open.
    """
    where = parse_bind(spec)
    opened: list[socket.socket] = []
    try:
        if isinstance(where, UnixBind):
            opened.append(_bind_unix(where.path))
            return opened
        with _sharing(where.port, going, opened) as shared:
            if where.host == "*":
                opened.append(_bind_every(where.port, shared=shared))
                return opened
            entries = socket.getaddrinfo(
                where.host, where.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for family, address in dict.fromkeys((entry[0], entry[4]) for entry in entries):
                opened.append(_bind_internet(family, address, shared=shared))
    except OSError as error:
        for one in opened:
            one.close()
        raise ConfigError([f'{place}bind "{spec}": {_reason(error, where)}']) from error
    return opened


def unbind(spec: str, sockets: list[socket.socket]) -> None:
    """End the listening in all processes, and remove the path of a unix socket.

    Processes that have inherited a socket keep it open, but peers are refused from now on.
    """
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
    where = parse_bind(spec)
    if isinstance(where, UnixBind):
        Path(where.path).unlink(missing_ok=True)


@contextlib.contextmanager
def _sharing(
    port: int, going: Sequence[socket.socket], opened: Sequence[socket.socket]
) -> Iterator[bool]:
    """Allow that an address of this port is bound twice while the block runs. It is not allowed for
    longer, so that no other server can take the address. Yields whether one of `going` has the
    port."""
    sharing = [s for s in going if s.family != socket.AF_UNIX and s.getsockname()[1] == port]
    try:
        for one in sharing:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        yield bool(sharing)
    finally:
        for one in (*sharing, *opened):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)


def _bind_internet(
    family: int, address: object, *, shared: bool, only_ipv6: bool = True
) -> socket.socket:
    # The protocol is given because accepted sockets inherit it, and TCP_NODELAY needs it.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only_ipv6)
        listening.bind(address)  # type: ignore[arg-type]  # typeshed: one type per family
        return _listen(listening)
    except BaseException:
        listening.close()
        raise


def _bind_every(port: int, *, shared: bool) -> socket.socket:
    """One socket for both families; only for IPv4 if the machine has no IPv6."""
    try:
        return _bind_internet(socket.AF_INET6, ("::", port), shared=shared, only_ipv6=False)
    except OSError as error:
        if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise
    return _bind_internet(socket.AF_INET, ("0.0.0.0", port), shared=shared)


def _bind_unix(path: str) -> socket.socket:
    _remove_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # By the umask the mode is right at once: a chmod after the bind would leave a gap.
    before = os.umask(0o177)
    try:
        listening.bind(path)
    except BaseException:
        listening.close()
        raise
    finally:
        os.umask(before)
    return _listen(listening)


def _remove_stale(path: str) -> None:
    """Remove a socket that no process listens on. Anything else at the path stays and is an
    error."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "something that is not a socket is in the way")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
            return
    raise OSError(errno.EADDRINUSE, "another server listens there")


def _listen(listening: socket.socket) -> socket.socket:
    listening.setblocking(False)
    listening.listen(BACKLOG)
    return listening


def _reason(error: OSError, where: InternetBind | UnixBind) -> str:
    if error.errno == errno.EACCES:
        return "not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE"
    if error.errno == errno.EADDRINUSE:
        if isinstance(where, InternetBind) and _is_a_client_s(where.port):
            return (
                "in use by a client: a program here has opened a connection from this port. Wait "
                "for its end, and keep the port from clients: "
                f"sysctl net.ipv4.ip_local_reserved_ports={where.port}"
            )
        return "in use; another server listens there"
    return error.strerror or str(error)


def _is_a_client_s(port: int) -> bool:
    """Whether connections from this port exist and nothing listens on it, by the kernel's tables;
    False where they cannot be read."""
    states: set[str] = set()
    for table in _SOCKET_TABLES:
        with contextlib.suppress(OSError):
            for line in Path(table).read_text(encoding="ascii").splitlines()[1:]:
                _, local, _, state, *_ = line.split()
                if int(local.rpartition(":")[2], 16) == port:
                    states.add(state)
    return bool(states) and _LISTENING not in states
