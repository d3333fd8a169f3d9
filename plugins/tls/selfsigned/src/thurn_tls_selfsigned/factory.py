"""The plugin `tls.selfsigned`: one certificate, made at the first start and kept."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio
from pydantic import Field
from thurn.plugin import CertifiedContext, Clock, Context, Settings, StatusValue, plugin
from thurn_kit.certificates import certificates_status

from thurn_tls_selfsigned.keeper import keep

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""The ciphers for TLS 1.2: only those with forward secrecy and authenticated encryption. RFC 9325
§4.2."""
ALWAYS: Final = ("localhost", "127.0.0.1", "::1")
"""Names that every certificate has, for clients on the same machine."""


class SelfSignedSettings(Settings):
    """Settings of `tls.selfsigned`."""

    names: tuple[str, ...] = Field(
        default=(),
        description="Further names and addresses of the certificate, in addition to the site's "
        "hostname, localhost, 127.0.0.1 and ::1.",
    )


@dataclass(frozen=True, slots=True)
class SelfSigned:
    """A TLS provider with one certificate.

    Attributes:
        certificate: the PEM file without the key, for clients that should trust it.
        context: the context for all connections.
        clock: the site's clock.
    """

    certificate: Path
    context: ssl.SSLContext
    clock: Clock

    def server_context(self) -> ssl.SSLContext:
        """The context for a new connection, always the same."""
        return self.context

    async def status(self) -> Mapping[str, StatusValue]:
        """When the certificate ends."""
        pem = await trio.Path(self.certificate).read_bytes()
        return certificates_status({str(self.certificate): pem}, self.clock.wall())


@plugin("tls", "selfsigned")
@asynccontextmanager
async def selfsigned(config: SelfSignedSettings, context: Context) -> AsyncIterator[SelfSigned]:
    """A provider with the certificate of the data directory, which is made if needed."""
    names = tuple(dict.fromkeys((context.hostname, *ALWAYS, *config.names)))
    # This runs in a thread, since another worker may be making the certificate, and cryptography
    # takes a while to import.
    kept = await trio.to_thread.run_sync(keep, context.data, names, context.clock.wall())
    if kept.made:
        context.diagnostics.info(
            "certificate.made", path=str(kept.certificate), names=" ".join(names)
        )
    yield SelfSigned(kept.certificate, _server_context(kept.pair), context.clock)


def _server_context(pair: Path) -> ssl.SSLContext:
    context = CertifiedContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996 §5: older versions MUST NOT be used
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(CIPHERS)
    context.load_cert_chain(pair)
    context.note_certificate(pair.read_bytes())
    return context
