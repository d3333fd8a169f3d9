"""What holds for every TLS connection, however its provider has made the context."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any


def prepare(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same context, which now refuses old versions of TLS, compression and renegotiation, and
    notes the name that a peer asks for.

    Cheap if the context has been prepared before.
    """
    # RFC 8996 §5: TLS 1.0 and 1.1 are not negotiated.
    if context.minimum_version not in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    # RFC 9325 §3.3, §3.5: neither compression nor renegotiation.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    choice: Any = context.sni_callback
    if not isinstance(choice, _Remembering):
        context.sni_callback = _Remembering(choice)
    return context


class _Remembering:
    """Notes the name in the ClientHello, then lets the provider choose the context. RFC 6066 §3."""

    __slots__ = ("_choice",)

    def __init__(self, choice: Callable[..., int | None] | None) -> None:
        self._choice = choice

    def __call__(self, secured: Any, name: str | None, context: ssl.SSLContext) -> int | None:  # noqa: ANN401 - the ssl module gives either of its two kinds
        secured.server_hostname = None if name is None else name.lower()
        return None if self._choice is None else self._choice(secured, name, context)
