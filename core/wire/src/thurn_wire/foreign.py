"""What peers say that speak another protocol: browsers, and TLS clients on a port without TLS.

Rules of this file: an engine that recognises one of these reads nothing more. What follows could be
commands that somebody else made the browser send (cross-protocol attacks, ALPACA).
"""

from __future__ import annotations

from typing import Final

HTTP_METHODS: Final = frozenset(b"CONNECT DELETE GET HEAD OPTIONS PATCH POST PRI PUT TRACE".split())
"""First words of HTTP requests; PRI begins HTTP/2."""

TLS_HANDSHAKE: Final = b"\x16"
"""The first octet of a TLS handshake; no command and no tag begins with it. RFC 8446 §5.1."""
