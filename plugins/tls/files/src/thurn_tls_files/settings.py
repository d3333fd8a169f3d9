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
"""Of TLS 1.2: forward secrecy and authenticated encryption only. RFC 9325 §4.2."""


class PairSettings(Settings):
    """A certificate and its key."""

    certificate: SitePath = Field(
        description="PEM file: the server's certificate first, then those up to the authority's."
    )
    key: SitePath | None = Field(
        default=None, description="PEM file of the private key; in `certificate` if not given."
    )
    key_password: Secret | None = Field(
        default=None, description="What the key is encrypted with, if it is."
    )


class FilesSettings(PairSettings):
    """Settings of `tls.files`: the default pair, and others."""

    certificates: tuple[PairSettings, ...] = Field(
        default=(), description="More pairs; the name that a client asks for chooses (SNI)."
    )
    minimum_version: Literal["1.2", "1.3"] = Field(
        default="1.2", description="The oldest TLS version that is spoken."
    )
    ciphers: str = Field(
        default=CIPHERS, description="OpenSSL's list of ciphers for TLS 1.2; 1.3 has its own."
    )

    def findings(self, directory: Path) -> Sequence[str]:
        """Pairs that cannot be used: missing, unreadable, broken, or not of one another."""
        return self.load(self.pairs())[1]

    def pairs(self) -> list[Pair]:
        """The default pair, then the others."""
        new_context = partial(server_context, self.minimum_version, self.ciphers)
        given = (self, *self.certificates)
        return [Pair(one.certificate, one.key, one.key_password, new_context) for one in given]

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
