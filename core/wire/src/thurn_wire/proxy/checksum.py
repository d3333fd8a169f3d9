"""CRC32c (Castagnoli), which guards a header of version 2. RFC 9260 Appendix A."""

from __future__ import annotations

from typing import Final

_POLYNOMIAL: Final = 0x82F6_3B78
"""0x1EDC6F41 with its bits in reverse order."""


def _row(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE: Final = tuple(_row(value) for value in range(256))


def crc32c(octets: bytes) -> int:
    """The checksum of some octets; of a header at most, since this is slow."""
    value = 0xFFFF_FFFF
    for octet in octets:
        value = value >> 8 ^ _TABLE[(value ^ octet) & 0xFF]
    return value ^ 0xFFFF_FFFF
