"""The conformance kit of TLS providers (`thurn.contracts.tls`): handshakes in memory, no sockets.

    async def test_contract(tmp_path):
        async with factory.open(settings, FakeContext(tmp_path)) as provider:
            await check_tls(provider, trust=tmp_path / "certificate.pem", names=["localhost"])

`handshake` is public: tests of providers ask it which certificate a name gets.
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from thurn.contracts.tls import TlsProvider

from thurn_testing.contracts.expectation import expect, expect_equal

UNKNOWN_NAMES: Final = (None, "nobody-knows.example", "/etc/passwd", "x" * 63 + ".example", "*.org")
"""Server names for which no provider has a certificate."""
FLIGHTS: Final = 10
"""Most rounds of a handshake; TLS 1.2 needs two."""


@dataclass(frozen=True, slots=True)
class Handshake:
    """How a handshake ended.

    Attributes:
        certificate: the server's, DER.
        names: its subject alternative names, when the client verified it.
        noted: what the provider says it has shown; empty where it does not say.
    """

    version: str
    compression: str | None
    certificate: bytes
    names: frozenset[str]
    noted: bytes = b""


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, server_name: str | None) -> Handshake:
    """A handshake of both sides in memory.

    Raises:
        ssl.SSLError: they do not come together, or the client does not trust the server.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    peer = client.wrap_bio(to_client, to_server, server_hostname=server_name)
    here = server.wrap_bio(to_server, to_client, server_side=True)
    ends = [peer, here]
    for _ in range(FLIGHTS):
        for end in ends.copy():
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)
        if not ends:
            return _result(peer, getattr(here.context, "certificate", b""))
    raise AssertionError("the handshake does not end")


def _result(peer: ssl.SSLObject, noted: bytes) -> Handshake:
    parsed: dict[str, Any] = peer.getpeercert() or {}
    names = frozenset(str(value) for _, value in parsed.get("subjectAltName", ()))
    version, der = peer.version() or "", peer.getpeercert(binary_form=True) or b""
    return Handshake(version, peer.compression(), der, names, noted)


def trusting_client(trust: Path) -> ssl.SSLContext:
    """A client that trusts the certificates of this file and checks names."""
    return ssl.create_default_context(cafile=str(trust))


def careless_client() -> ssl.SSLContext:
    """A client that trusts anybody, as mail servers do among themselves."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def check_tls(provider: TlsProvider, *, trust: Path, names: Sequence[str]) -> None:
    """Everything that the contract promises holds for this product.

    Args:
        provider: opened.
        trust: a PEM file; a client that trusts it trusts the product.
        names: server names that its certificate has.

    Raises:
        AssertionError: with the promise that was not kept.
    """
    _versions(provider)
    _names(provider, trust, names)
    _unknown_names(provider)
    _options(provider)


def _versions(provider: TlsProvider) -> None:
    for version, name in (
        (ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
        (ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
    ):
        client = careless_client()
        client.minimum_version = client.maximum_version = version
        shaken = handshake(provider.server_context(), client, None)
        expect_equal(shaken.version, name, "TLS 1.2 and 1.3 are spoken")
        expect_equal(shaken.compression, None, "nothing is compressed (CRIME)")
    client = careless_client()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    client.set_ciphers("ALL:@SECLEVEL=0")
    try:
        handshake(provider.server_context(), client, None)
    except ssl.SSLError:
        return
    raise AssertionError("TLS 1.1 is refused (RFC 8996)")


def _names(provider: TlsProvider, trust: Path, names: Sequence[str]) -> None:
    client = trusting_client(trust)
    for name in names:
        try:
            shaken = handshake(provider.server_context(), client, name)
        except ssl.SSLCertVerificationError as error:
            raise AssertionError(f"a client finds and trusts {name}: {error}") from error
        told = shaken.noted in (b"", shaken.certificate)
        expect(told, f"what a CertifiedContext says it shows to {name} is what it shows")


def _unknown_names(provider: TlsProvider) -> None:
    default = handshake(provider.server_context(), careless_client(), None).certificate
    expect(default, "there is a default certificate")
    for name in UNKNOWN_NAMES:
        shaken = handshake(provider.server_context(), careless_client(), name)
        expect_equal(shaken.certificate, default, f"the name {name!r} gets the default certificate")


def _options(provider: TlsProvider) -> None:
    context = provider.server_context()
    expect(context is provider.server_context(), "the context is made once, not per connection")
    expect(context.options & ssl.OP_NO_RENEGOTIATION, "renegotiation is refused")
    expect(context.verify_mode is ssl.CERT_NONE, "no client certificate is asked for by default")
