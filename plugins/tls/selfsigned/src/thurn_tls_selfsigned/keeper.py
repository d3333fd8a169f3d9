"""Keeps the certificate in a directory, so that all workers and all starts have the same one.

Rules of this file:
1. `pair.pem` (0600) has key and certificate in one file and is replaced by a rename: nobody ever
   sees a key with another's certificate. `certificate.pem` is a copy without the key.
2. The first line of `pair.pem` says when it ends and for which names it is; PEM readers skip it.
   So a start that finds a good one needs no X.509 library.
3. A lock file makes one worker of several make it; the others wait and find it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LIFE_SECONDS: Final = 10 * 365 * 86_400
"""Nobody renews a certificate that nobody but its owner trusts."""
RENEW_SECONDS: Final = 30 * 86_400
"""What must be left at a start; less and a new one is made."""
MARK: Final = "thurn-selfsigned 1"
HEAD_OCTETS: Final = 65_536
"""The first line with its names is looked for in so much."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Where it is, and whether it was made just now."""

    pair: Path
    certificate: Path
    made: bool


def keep(directory: Path, names: tuple[str, ...], now: float) -> Kept:
    """A certificate for these names that is good for a while; made if there is none.

    Args:
        directory: private to this instance.
        names: DNS names and addresses.
        now: POSIX seconds.

    Raises:
        OSError: the directory cannot be written.
        ValueError: a name cannot be in a certificate.
    """
    pair, certificate = directory / "pair.pem", directory / "certificate.pem"
    with _lock(directory / "lock"):
        made = not _good(pair, names, now)
        if made:
            _make(pair, names, now)
        if made or not certificate.exists():
            _replace(certificate, _without_key(pair.read_bytes()), 0o644)
    return Kept(pair, certificate, made)


def _good(pair: Path, names: tuple[str, ...], now: float) -> bool:
    try:
        with pair.open("rb") as file:
            head = file.readline(HEAD_OCTETS).decode("utf-8", "replace")
    except FileNotFoundError:
        return False
    mark, _, rest = head.rstrip("\n").partition(": ")
    ends, _, found = rest.partition(" ")
    if mark != MARK or not (ends.isascii() and ends.isdigit() and len(ends) <= 19):
        return False
    return found == " ".join(names) and int(ends) - now > RENEW_SECONDS


def _make(pair: Path, names: tuple[str, ...], now: float) -> None:
    # Imported only when one must be made: 80 ms that a start does not have to spend.
    from thurn_tls_selfsigned.certificate import make_certificate  # noqa: PLC0415

    ends = int(now) + LIFE_SECONDS
    key, certificate = make_certificate(names, int(now), ends)
    head = f"{MARK}: {ends} {' '.join(names)}\n".encode()
    _replace(pair, head + key + certificate, 0o600)


def _without_key(pair: bytes) -> bytes:
    return pair[pair.index(b"-----BEGIN CERTIFICATE-----") :]


def _replace(path: Path, octets: bytes, mode: int) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - of a descriptor
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """One at a time, among processes; let go of when the file is closed, also by a crash."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
