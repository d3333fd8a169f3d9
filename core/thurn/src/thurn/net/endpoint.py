"""The channel binding "tls-server-end-point": a hash of the server's certificate.

Rules of this file: the hash function is that of the certificate's own signature, with SHA-256 in
place of MD5 and SHA-1. For a signature without one hash function (Ed25519, RSASSA-PSS) the RFC
defines no such binding, so there is none. Nothing but the algorithm is read from the certificate.

RFC 5929 §4.1.
"""

from __future__ import annotations

import hashlib
from typing import Final

_RSA: Final = bytes.fromhex("2a864886f70d0101")  # 1.2.840.113549.1.1, RFC 8017 §A.2
_ECDSA: Final = bytes.fromhex("2a8648ce3d04")  # 1.2.840.10045.4, RFC 5758 §3.2
_HASHES: Final = {
    _RSA + b"\x04": "sha256",  # MD5
    _RSA + b"\x05": "sha256",  # SHA-1
    _RSA + b"\x0b": "sha256",
    _RSA + b"\x0c": "sha384",
    _RSA + b"\x0d": "sha512",
    _RSA + b"\x0e": "sha224",
    _ECDSA + b"\x01": "sha256",  # SHA-1
    _ECDSA + b"\x03\x01": "sha224",
    _ECDSA + b"\x03\x02": "sha256",
    _ECDSA + b"\x03\x03": "sha384",
    _ECDSA + b"\x03\x04": "sha512",
}
_SEQUENCE: Final = 0x30
_OBJECT_IDENTIFIER: Final = 0x06


def end_point(certificate: bytes) -> bytes:
    """The binding of a certificate (DER); empty if it has no binding.

    Certificate  ::=  SEQUENCE  { tbsCertificate, signatureAlgorithm, signatureValue }

    RFC 5280 §4.1.
    """
    try:
        inside, _ = _element(certificate, 0, _SEQUENCE)
        _, after = _element(certificate, inside, _SEQUENCE)
        algorithm, _ = _element(certificate, after, _SEQUENCE)
        start, end = _element(certificate, algorithm, _OBJECT_IDENTIFIER)
    except (ValueError, IndexError):
        return b""
    name = _HASHES.get(certificate[start:end])
    return b"" if name is None else hashlib.new(name, certificate).digest()


def _element(octets: bytes, position: int, tag: int) -> tuple[int, int]:
    """Where the content of the element at `position` begins and ends."""
    if octets[position] != tag:
        raise ValueError("another element was expected")
    length, start = octets[position + 1], position + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(octets[start : start + count], "big"), start + count
    return start, start + length
