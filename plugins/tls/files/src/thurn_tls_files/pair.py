"""One certificate with its key: loading the pair, and noticing that it has changed.

Rules of this file: the names of files come from the configuration only, never from a peer.
"""

from __future__ import annotations

import errno
import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from thurn.plugin import CertifiedContext, Secret

FILE_OCTETS: Final = 1_048_576
"""Size of a PEM file in octets; a chain has a few kilobytes, so a larger file is another one."""

_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

Stamp: TypeAlias = tuple[tuple[int, int, int], ...]
"""Modification time, size and inode number of each file; at least one differs after a change."""


class PairError(Exception):
    """A pair cannot be used; the message names the file and the reason."""


def server_context(minimum_version: str, ciphers: str) -> CertifiedContext:
    """A context for server connections, without a certificate.

    Args:
        minimum_version: "1.2" or "1.3". RFC 8996 §5.
        ciphers: OpenSSL's list for TLS 1.2.

    Raises:
        ssl.SSLError: OpenSSL knows none of the ciphers.
    """
    context = CertifiedContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[minimum_version]
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(ciphers)
    return context


class Pair:
    """The files of a certificate and its key.

    Args:
        certificate: the file of the certificate.
        key: the file of its key; None if that is in the same file.
        password: the password of an encrypted key.
        new_context: makes a context without a certificate.

    Attributes:
        pem: the content of the certificate's file at the last successful `load`.
    """

    def __init__(
        self,
        certificate: Path,
        key: Path | None,
        password: Secret | None,
        new_context: Callable[[], CertifiedContext],
    ) -> None:
        self.certificate = certificate
        self.key: Path = key or certificate
        self._password = password
        self._new_context = new_context
        self._tried: Stamp | None = None
        self.pem = b""

    def changed(self) -> bool:
        """Whether the files have changed since the last `load`, successful or not."""
        return self._stamp() != self._tried

    def load(self) -> CertifiedContext:
        """A new context with the certificate and key that the files have now.

        Raises:
            PairError: the files cannot be used; `pem` stays as it was.
        """
        self._tried = self._stamp()
        pem = _read(self.certificate)
        _read(self.key)
        if self.key.stat().st_mode & stat.S_IROTH:
            raise PairError(f"everybody can read {self.key}: chmod o-rwx it")
        context = self._new_context()
        # Without a password OpenSSL would ask for one on the terminal.
        secret = self._password.reveal() if self._password is not None else ""
        try:
            context.load_cert_chain(self.certificate, self.key, secret)
        except (ssl.SSLError, OSError, ValueError) as error:
            raise PairError(self._explained(error, pem)) from error
        self.pem = pem
        context.note_certificate(pem)
        return context

    def _stamp(self) -> Stamp | None:
        try:
            states = [path.stat() for path in dict.fromkeys((self.certificate, self.key))]
        except OSError:
            return None
        return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in states)

    def _explained(self, error: Exception, pem: bytes) -> str:
        """A message for an error of OpenSSL, which does not say which of the two files it means."""
        if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
            return f"{self.key} is not the key of {self.certificate}"
        try:
            trial = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            trial.load_verify_locations(cadata=_certificates(pem))
        except (ssl.SSLError, ValueError):
            return f"{self.certificate} has no certificate that can be read"
        if self._password is None and b"ENCRYPTED" in _read(self.key):
            return f"{self.key} is encrypted: set key_password"
        return f"{self.key} has no key that can be read, or its password is wrong"


def _certificates(pem: bytes) -> str:
    start = pem.find(b"-----BEGIN CERTIFICATE-----")
    if start < 0:
        raise ValueError("no certificate")
    return pem[start:].decode("ascii", "replace")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            octets = file.read(FILE_OCTETS + 1)
    except OSError as error:
        hint = "; the site's account must be able to" if error.errno == errno.EACCES else ""
        raise PairError(f"{path} cannot be read: {error.strerror}{hint}") from error
    if len(octets) > FILE_OCTETS:
        raise PairError(f"{path} is larger than {FILE_OCTETS} octets")
    return octets
