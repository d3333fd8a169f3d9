"""The settings of `tls.files`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import Field
from thurn.plugin import Secret, Settings, SitePath

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

    def warnings(self, directory: Path) -> Sequence[str]:
        """Files that are not there yet."""
        pairs = (self, *self.certificates)
        paths = [path for one in pairs for path in (one.certificate, one.key) if path is not None]
        return [f"there is no {path}" for path in paths if _is_missing(path)]


def _is_missing(path: Path) -> bool:
    """Surely: whoever may not look into its directory does not know."""
    try:
        path.stat()
    except OSError as error:
        return isinstance(error, FileNotFoundError)
    return False
