"""Every limit of the PROXY header, with its reason and what the protocol allows.

Rules of this file: no limit stands anywhere else; 0 never means "unlimited".
"""

from __future__ import annotations

from typing import Final

VERSION_1_OCTETS: Final = 107
"""Octets of the longest header of version 1, with its CRLF. PROXY protocol §2.1 sets exactly
this."""

VERSION_2_OCTETS: Final = 4_096
"""Octets of the longest header of version 2 that is read. The protocol allows 65,551; addresses and
all types that it defines have less than a kilobyte, except for certificates of unusual size."""

TEXT_OCTETS: Final = 255
"""Octets of a server name, TLS version, cipher or common name that are kept: they go into logs."""
