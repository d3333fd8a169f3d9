"""Makes a self-signed certificate with a P-256 key; the only module that imports cryptography."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

EARLIER_SECONDS: Final = 86_400
"""How long before its making a certificate is valid, in seconds, since clients' clocks may be
slow."""
COMMON_NAME: Final = "thurn, self-signed"
"""The common name, which only people read; clients match the alternative names. RFC 9525 §2."""


def make_certificate(names: tuple[str, ...], now: int, ends: int) -> tuple[bytes, bytes]:
    """A key and a certificate for these names, as PEM texts.

    Args:
        names: DNS names (A-labels) and IP addresses.
        now: the time now, in POSIX seconds.
        ends: when the certificate ends, in POSIX seconds.

    Raises:
        ValueError: a name cannot be in a certificate.

    RFC 5280 §4.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    own_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, COMMON_NAME)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    builder = (
        x509.CertificateBuilder()
        .subject_name(own_name)
        .issuer_name(own_name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(now - EARLIER_SECONDS, UTC))
        .not_valid_after(datetime.fromtimestamp(ends, UTC))
        .add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, certificate.public_bytes(Encoding.PEM)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
