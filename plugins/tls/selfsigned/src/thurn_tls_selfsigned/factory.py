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
"""Of TLS 1.2: forward secrecy and authenticated encryption only. RFC 9325 §4.2."""
ALWAYS: Final = ("localhost", "127.0.0.1", "::1")


class SelfSignedSettings(Settings):
    """Settings of `tls.selfsigned`."""

    names: tuple[str, ...] = Field(
        default=(),
        description="More names and addresses for the certificate, besides the site's hostname, "
        "localhost, 127.0.0.1 and ::1.",
    )


@dataclass(frozen=True, slots=True)
class SelfSigned:
    """A TLS provider with one certificate.

    Attributes:
        certificate: a PEM file without the key, for clients that shall trust it.
    """

    certificate: Path
    context: ssl.SSLContext
    clock: Clock

    def server_context(self) -> ssl.SSLContext:
        """The one context there is."""
        return self.context

    async def status(self) -> Mapping[str, StatusValue]:
        """When the certificate ends."""
        pem = await trio.Path(self.certificate).read_bytes()
        return certificates_status({str(self.certificate): pem}, self.clock.wall())


@plugin("tls", "selfsigned")
@asynccontextmanager
async def selfsigned(config: SelfSignedSettings, context: Context) -> AsyncIterator[SelfSigned]:
    """A provider with the certificate of the data directory, which is made if it must be."""
    names = tuple(dict.fromkeys((context.hostname, *ALWAYS, *config.names)))
    # In a thread: another worker may just be making it, and cryptography takes a while to import.
    kept = await trio.to_thread.run_sync(keep, context.data, names, context.clock.wall())
    if kept.made:
        context.diagnostics.info(
            "certificate.made", path=str(kept.certificate), names=" ".join(names)
        )
    yield SelfSigned(kept.certificate, _server_context(kept.pair), context.clock)


def _server_context(pair: Path) -> ssl.SSLContext:
    context = CertifiedContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8996 §5: nothing older
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(CIPHERS)
    context.load_cert_chain(pair)
    context.note_certificate(pair.read_bytes())
    return context
