"""TLS providers: where certificates come from. Listeners name an instance.

A provider whose contexts are `CertifiedContext`s makes channel binding possible (SCRAM-…-PLUS):
Python's ssl does not tell a server which certificate it has shown.
"""

from __future__ import annotations

from ssl import PEM_cert_to_DER_cert, SSLContext
from typing import Final, Protocol

PEM_HEADER: Final = b"-----BEGIN CERTIFICATE-----"
PEM_FOOTER: Final = b"-----END CERTIFICATE-----"


class CertifiedContext(SSLContext):
    """A context that knows which certificate its connections show.

    Attributes:
        certificate: the server's own, DER; empty where it is not known.
    """

    certificate: bytes = b""

    def note_certificate(self, pem: bytes) -> None:
        """Note the first certificate of a PEM text, which is the server's own; a text without
        one changes nothing. RFC 8446 §4.4.2."""
        start = pem.find(PEM_HEADER)
        end = pem.find(PEM_FOOTER, start)
        if 0 <= start < end:
            text = pem[start : end + len(PEM_FOOTER)].decode("ascii", "replace")
            self.certificate = PEM_cert_to_DER_cert(text)


class TlsProvider(Protocol):
    """Certificates for server connections.

    Key files are read by the account that serves, while the product opens, and again when they
    have changed; a broken new key keeps the old one and says so.
    """

    def server_context(self) -> SSLContext:
        """The context for a new connection: TLS 1.2 or later, SNI chooses the certificate, an
        unknown name gets the default one. Cheap; asked per connection, so it may change."""
