"""The product: contexts for new connections, from the newest valid state of all pairs.

Rules of this file:
1. A new connection checks whether files have changed, at most once a second; a changed pair is
   loaded again. If it is broken, the old state stays in use, and that is logged once. (At a start
   and at a reload of the site, a broken pair prevents it.)
2. The first pair is the default. With several pairs, the name that the client asks for (SNI) is
   looked up among the names in the certificates; an unknown name gets the default. RFC 6066 §3.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from typing import Final

import trio
from thurn.plugin import ConfigError, Context, StatusValue
from thurn_kit.certificates import certificates_status

from thurn_tls_files.names import certificate_names, find_name
from thurn_tls_files.pair import Pair, PairError
from thurn_tls_files.settings import FilesSettings

LOOK_SECONDS: Final = 1.0
"""Seconds between two checks of the files, so that not every connection costs a stat."""


class FilesProvider:
    """The certificates of one instance; see `thurn.contracts.tls.TlsProvider`.

    Raises:
        ConfigError: pairs cannot be used; there is a finding for each.
    """

    def __init__(self, settings: FilesSettings, context: Context) -> None:
        self._host = context
        self._pairs = settings.pairs()
        self._names: dict[str, int] = {}
        self._look_at = context.clock.monotonic() + LOOK_SECONDS
        self._contexts, findings = settings.load(self._pairs)
        if findings:
            raise ConfigError(findings)
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

    async def status(self) -> Mapping[str, StatusValue]:
        """When the certificates in use end."""
        await trio.lowlevel.checkpoint()
        pems = {str(pair.certificate): pair.pem for pair in self._pairs}
        return certificates_status(pems, self._host.clock.wall())

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
        """Collect the names of all pairs, and make the default context choose among them."""
        if len(self._pairs) == 1:
            return
        names: dict[str, int] = {}
        for number, pair in enumerate(self._pairs):
            for name in self._names_of(pair):
                names.setdefault(name, number)  # the first pair with a name is used
        self._names = names
        self._contexts[0].sni_callback = self._choose

    def _names_of(self, pair: Pair) -> tuple[str, ...]:
        try:
            return certificate_names(pair.pem)
        except ValueError as error:  # OpenSSL has accepted the certificate
            path = str(pair.certificate)
            self._host.diagnostics.warning("tls.names_unreadable", path=path, failure=str(error))
            return ()

    def _choose(
        self, connection: ssl.SSLObject | ssl.SSLSocket, asked: str | None, _: ssl.SSLContext
    ) -> None:
        number = find_name(self._names, asked) if asked is not None else None
        if number:
            connection.context = self._contexts[number]
