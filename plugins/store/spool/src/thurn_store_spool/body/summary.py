"""What the index holds of a message's text, made by one scan."""

from __future__ import annotations

from thurn.plugin import CACHED_HEADERS, Content

from thurn_store_spool.operation.kind import Summary


def summarise(content: Content) -> Summary:
    """The summary of a message."""
    scan = content.scan
    octets = scan.content
    headers = b"".join(
        [octets[field.start : field.end] for field in scan.fields if field.name in CACHED_HEADERS]
    )
    return (scan.header_end, scan.envelope, scan.bodystructure, scan.body, headers)


def summary_octets(summary: Summary) -> int:
    """The memory that a summary takes."""
    return sum(map(len, summary[1:]))
