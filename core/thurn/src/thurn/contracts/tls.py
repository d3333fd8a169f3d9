"""TLS providers: where certificates come from. Listeners name an instance."""

from __future__ import annotations

from ssl import SSLContext
from typing import Protocol


class TlsProvider(Protocol):
    """Certificates for server connections.

    Key files that only root may read are read while the product opens (before rights are
    dropped), and again at reload; a broken new key keeps the old one and says so.
    """

    def server_context(self) -> SSLContext:
        """The context for a new connection: TLS 1.2 or later, SNI chooses the certificate, an
        unknown name gets the default one. Cheap; asked per connection, so it may change."""
