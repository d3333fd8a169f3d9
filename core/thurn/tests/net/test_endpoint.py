"""The channel binding of certificates, by RFC 5929 §4.1."""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from thurn.contracts.tls import CertifiedContext
from thurn.net.endpoint import end_point

RSA = rsa.generate_private_key(65_537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def certificate(key, algorithm, **signing):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example")])
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=datetime(2025, 1, 1, tzinfo=UTC),
        not_valid_after=datetime(2035, 1, 1, tzinfo=UTC),
    )
    return builder.sign(key, algorithm, **signing).public_bytes(Encoding.DER)


@pytest.mark.parametrize("key", [RSA, EC])
@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        (hashes.SHA224(), "sha224"), (hashes.SHA256(), "sha256"), (hashes.SHA384(), "sha384"),
        (hashes.SHA512(), "sha512"),
    ],
)  # fmt: skip
def test_the_hash_of_its_signature(key, algorithm, name):
    der = certificate(key, algorithm)
    assert end_point(der) == hashlib.new(name, der).digest()


@pytest.mark.parametrize(("known", "old"), [("0b", "05"), ("0b", "04")])
def test_weak_hashes_become_sha256(known, old):
    """No library signs with SHA-1 any more: the algorithm is put in by hand."""
    prefix = "06092a864886f70d0101"
    der = certificate(RSA, hashes.SHA256())
    der = der.replace(bytes.fromhex(prefix + known), bytes.fromhex(prefix + old))
    assert end_point(der) == hashlib.sha256(der).digest()


def test_undefined_ones():
    key = ed25519.Ed25519PrivateKey.generate()
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    assert end_point(certificate(key, None)) == b""
    assert end_point(certificate(RSA, hashes.SHA256(), rsa_padding=pss)) == b""
    assert end_point(b"") == b""


def test_anything_but_a_certificate():
    der = certificate(EC, hashes.SHA256())
    for cut in range(0, len(der), 7):
        end_point(der[:cut])
        end_point(der[:cut] + b"\xff" + der[cut + 1 :])
    assert end_point(b"\x30\xff" * 50) == b""


async def test_of_the_certificate_that_was_shown(serving, certificates, monkeypatch):
    pem = certificates.authority.issue_cert("mail.example")
    context = CertifiedContext(ssl.PROTOCOL_TLS_SERVER)
    pem.configure_cert(context)
    context.note_certificate(b"key first\n" + pem.cert_chain_pems[0].bytes())
    monkeypatch.setattr(certificates, "context", context)
    async with serving(tls=certificates, tls_mode="implicit") as served:
        secured = certificates.client(await served.connect())
        assert await secured.receive_some() == b"hello\n"
        [connection] = served.listener.connections
        shown = secured.getpeercert(binary_form=True)
        assert connection.tls.end_point == hashlib.sha256(shown).digest()


async def test_of_a_context_that_does_not_know(serving, certificates):
    async with serving(tls=certificates, tls_mode="implicit") as served:
        secured = certificates.client(await served.connect())
        assert await secured.receive_some() == b"hello\n"
        [connection] = served.listener.connections
        assert connection.tls.end_point == b""


def test_a_text_without_a_certificate():
    context = CertifiedContext(ssl.PROTOCOL_TLS_SERVER)
    context.note_certificate(b"-----END CERTIFICATE----- -----BEGIN CERTIFICATE-----")
    assert context.certificate == b""
