"""The settings of `tls.files`."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field
from thurn.contracts.settings import SitePath
from thurn.plugin import Secret, Settings

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
