"""STATUS=SIZE. RFC 8438."""

from __future__ import annotations

from typing import Final

from thurn_listener_imap.extension import ImapExtension, after_login

STATUS_SIZE: Final = ImapExtension(
    name="status-size",
    capabilities=after_login("STATUS=SIZE"),
    status_items={"SIZE": lambda _, record: record.size_octets},
)
