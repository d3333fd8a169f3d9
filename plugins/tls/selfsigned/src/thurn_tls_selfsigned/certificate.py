"""Makes a self-signed certificate with a P-256 key. The one module that imports cryptography."""

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
"""Clocks of clients may be behind."""
COMMON_NAME: Final = "thurn, self-signed"
"""Only shown to people; names are matched by the alternative names. RFC 9525 §2."""


def make_certificate(names: tuple[str, ...], now: int, ends: int) -> tuple[bytes, bytes]:
    """Key and certificate for these names, PEM.

    Args:
        names: DNS names (A-labels) and IP addresses.
        now: POSIX seconds.
        ends: POSIX seconds.

    Raises:
        ValueError: a name cannot be in a certificate.

    RFC 5280 §4.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    itself = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, COMMON_NAME)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    builder = (
        x509.CertificateBuilder()
        .subject_name(itself)
        .issuer_name(itself)
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
