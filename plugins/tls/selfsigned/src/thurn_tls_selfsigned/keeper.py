"""Keeps the certificate in a directory, so that all workers and all starts use the same one.

Rules of this file:
1. `pair.pem` (0600) has the key and the certificate in one file and is replaced by a rename, so
   that nobody reads a key with the certificate of another. `certificate.pem` is a copy without the
   key.
2. The first line of `pair.pem` says when the certificate ends and which names it has; PEM readers
   ignore the line. So a start that finds a valid pair needs no X.509 library.
3. A lock file makes sure that only one worker makes the certificate; the others wait and use it.
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
"""How long a new certificate is valid, in seconds: ten years, since clients have to be configured
again for a new one."""
RENEW_SECONDS: Final = 30 * 86_400
"""The time before its end from which a start makes a new certificate, in seconds."""
MARK: Final = "thurn-selfsigned 1"
"""The beginning of the first line: the name and version of its form."""
HEAD_OCTETS: Final = 65_536
"""Length in octets to which the first line is read; it holds all names."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The files of the certificate.

    Attributes:
        pair: the key and the certificate.
        certificate: the certificate alone.
        made: whether it was made just now.
    """

    pair: Path
    certificate: Path
    made: bool


def keep(directory: Path, names: tuple[str, ...], now: float) -> Kept:
    """A certificate for these names that is valid for a while; it is made if needed.

    Args:
        directory: the instance's own directory.
        names: DNS names and addresses.
        now: the time now, in POSIX seconds.

    Raises:
        OSError: the directory cannot be written.
        ValueError: a name cannot be in a certificate.
    """
    pair, certificate = directory / "pair.pem", directory / "certificate.pem"
    with _lock(directory / "lock"):
        made = not _is_usable(pair, names, now)
        if made:
            _make(pair, names, now)
        if made or not certificate.exists():
            _replace(certificate, _without_key(pair.read_bytes()), 0o644)
    return Kept(pair, certificate, made)


def _is_usable(pair: Path, names: tuple[str, ...], now: float) -> bool:
    """Whether the first line of a pair has these names and an end that is far enough."""
    try:
        with pair.open("rb") as file:
            head = file.readline(HEAD_OCTETS).decode("utf-8", "replace")
    except FileNotFoundError:
        return False
    mark, _, rest = head.rstrip("\n").partition(": ")
    ends, _, pair_names = rest.partition(" ")
    if mark != MARK or not (ends.isascii() and ends.isdigit() and len(ends) <= 19):
        return False
    return pair_names == " ".join(names) and int(ends) - now > RENEW_SECONDS


def _make(pair: Path, names: tuple[str, ...], now: float) -> None:
    # The import takes 80 ms, which a start with a valid certificate does not need.
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
    with open(descriptor, "wb") as file:  # noqa: PTH123 - opens a descriptor
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process at a time run; a crash ends the lock, since the file is closed then."""
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
