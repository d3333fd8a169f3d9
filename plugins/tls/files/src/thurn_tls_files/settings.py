"""The settings of `tls.files`."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, Literal

from pydantic import Field
from thurn.plugin import CertifiedContext, Secret, Settings, SitePath

from thurn_tls_files.pair import Pair, PairError, server_context

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""The default ciphers for TLS 1.2: only those with forward secrecy and authenticated encryption.
RFC 9325 §4.2."""


class PairSettings(Settings):
    """A certificate and its key."""

    certificate: SitePath = Field(
        description="PEM file: the server's certificate first, then those up to the authority's."
    )
    key: SitePath | None = Field(
        default=None,
        description="PEM file of the private key; the file `certificate` if not given.",
    )
    key_password: Secret | None = Field(
        default=None, description="The password of the private key, if that is encrypted."
    )


class FilesSettings(PairSettings):
    """Settings of `tls.files`: the default pair, and further pairs."""

    certificates: tuple[PairSettings, ...] = Field(
        default=(),
        description="Further pairs; the name that a client asks for (SNI) chooses among them.",
    )
    minimum_version: Literal["1.2", "1.3"] = Field(
        default="1.2", description="The oldest TLS version that is accepted."
    )
    ciphers: str = Field(
        default=CIPHERS,
        description="OpenSSL's list of ciphers for TLS 1.2; the ciphers of TLS 1.3 are fixed.",
    )

    def findings(self, directory: Path) -> Sequence[str]:
        """The pairs that cannot be used: missing, unreadable, broken, or not belonging together."""
        return self.load(self.pairs())[1]

    def pairs(self) -> list[Pair]:
        """The default pair, then the others."""
        new_context = partial(server_context, self.minimum_version, self.ciphers)
        return [
            Pair(pair.certificate, pair.key, pair.key_password, new_context)
            for pair in (self, *self.certificates)
        ]

    @staticmethod
    def load(pairs: Iterable[Pair]) -> tuple[list[CertifiedContext], list[str]]:
        """The contexts of all pairs, and a finding for each that cannot be used."""
        contexts: list[CertifiedContext] = []
        findings: list[str] = []
        for pair in pairs:
            try:
                contexts.append(pair.load())
            except PairError as error:
                findings.append(str(error))
            except ssl.SSLError as error:
                return [], [f"ciphers: OpenSSL knows none of them: {error}"]
        return contexts, findings
