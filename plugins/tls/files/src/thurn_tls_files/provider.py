"""The product: contexts for new connections, from the newest good state of all pairs.

Rules of this file:
1. The files are looked at each second at most, when a connection comes; a changed pair is loaded
   anew. One that is broken then keeps its old state, and that is told once. (At a start, and at a
   reload of the site, a broken pair stops it.)
2. The first pair is the default one. With several, the name that the client asks for (SNI) is
   looked up among the certificates' own names; an unknown one gets the default. RFC 6066 §3.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Final

from thurn.plugin import CertifiedContext, ConfigError, Context

from thurn_tls_files.names import certificate_names, find_name
from thurn_tls_files.pair import Pair, PairError
from thurn_tls_files.settings import FilesSettings

LOOK_SECONDS: Final = 1.0
"""Between two looks at the files; a stat takes microseconds."""
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class FilesProvider:
    """See `thurn.contracts.tls.TlsProvider`.

    Raises:
        ConfigError: files that cannot be used; a finding for each.
    """

    def __init__(self, settings: FilesSettings, context: Context) -> None:
        self._settings = settings
        self._host = context
        self._pairs = [Pair(pair, self._new_context) for pair in (settings, *settings.certificates)]
        self._names: dict[str, int] = {}
        self._look_at = context.clock.monotonic() + LOOK_SECONDS
        self._contexts = self._load_all()
        self._prepare()

    def server_context(self) -> ssl.SSLContext:
        """The context for a new connection."""
        now = self._host.clock.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            changed = [n for n, pair in enumerate(self._pairs) if pair.changed()]
            if changed:
                self._load_again(changed)
        return self._contexts[0]

    def _new_context(self) -> CertifiedContext:
        context = CertifiedContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _VERSIONS[self._settings.minimum_version]  # RFC 8996 §5
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
        context.set_ciphers(self._settings.ciphers)
        return context

    def _load_all(self) -> list[CertifiedContext]:
        contexts: list[CertifiedContext] = []
        findings: list[str] = []
        for pair in self._pairs:
            try:
                contexts.append(pair.load())
            except PairError as error:
                findings.append(str(error))
            except ssl.SSLError as error:
                raise ConfigError([f"ciphers: OpenSSL knows none of them: {error}"]) from error
        if findings:
            raise ConfigError(findings)
        return contexts

    def _load_again(self, changed: Sequence[int]) -> None:
        for number in changed:
            pair = self._pairs[number]
            path = str(pair.certificate)
            try:
                self._contexts[number] = pair.load()
            except (PairError, OSError) as error:
                failure, kept = str(error), "old certificate"
                self._host.diagnostics.error("tls.broken", path=path, failure=failure, kept=kept)
            else:
                self._host.diagnostics.info("tls.loaded", path=path)
        self._prepare()

    def _prepare(self) -> None:
        """Names of all pairs, and the default context that knows how to choose."""
        if len(self._pairs) == 1:
            return
        names: dict[str, int] = {}
        for number, pair in enumerate(self._pairs):
            for name in self._names_of(pair):
                names.setdefault(name, number)  # the first pair that has a name
        self._names = names
        self._contexts[0].sni_callback = self._choose

    def _names_of(self, pair: Pair) -> tuple[str, ...]:
        try:
            return certificate_names(pair.pem)
        except ValueError as error:  # OpenSSL has accepted it all the same
            path = str(pair.certificate)
            self._host.diagnostics.warning("tls.names_unreadable", path=path, failure=str(error))
            return ()

    def _choose(
        self, connection: ssl.SSLObject | ssl.SSLSocket, asked: str | None, _: ssl.SSLContext
    ) -> None:
        number = find_name(self._names, asked) if asked is not None else None
        if number:
            connection.context = self._contexts[number]
