"""TLS providers: where certificates come from. Listeners name an instance.

A provider whose contexts are `CertifiedContext`s makes channel binding possible (SCRAM-…-PLUS),
because Python's ssl module does not say which certificate a server has shown.
"""

from __future__ import annotations

from ssl import PEM_cert_to_DER_cert, SSLContext
from typing import Final, Protocol

PEM_HEADER: Final = b"-----BEGIN CERTIFICATE-----"
PEM_FOOTER: Final = b"-----END CERTIFICATE-----"


class CertifiedContext(SSLContext):
    """A context that knows which certificate its connections show.

    Attributes:
        certificate: the server's own certificate, DER; empty if it is not known.
    """

    certificate: bytes = b""

    def note_certificate(self, pem: bytes) -> None:
        """Note the first certificate of a PEM text, which is the server's own. A text without a
        certificate changes nothing. RFC 8446 §4.4.2."""
        start = pem.find(PEM_HEADER)
        end = pem.find(PEM_FOOTER, start)
        if 0 <= start < end:
            text = pem[start : end + len(PEM_FOOTER)].decode("ascii", "replace")
            self.certificate = PEM_cert_to_DER_cert(text)


class TlsProvider(Protocol):
    """Certificates for server connections.

    The account that serves reads key files when the product opens, and again when they have
    changed. If a new key is broken, the old one stays in use and the log says so.
    """

    def server_context(self) -> SSLContext:
        """The context for a new connection: TLS 1.2 or later; SNI chooses the certificate, and an
        unknown name gets the default one. Asked for each connection, so it is cheap and may
        change."""
