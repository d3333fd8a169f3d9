"""Writes delivery status notifications. RFC 3464, RFC 6522.

Rules of this file: a report has the null sender. It returns only the header of the message, because
a body may be large, and not everybody who gets the report may see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from thurn_message import build
from thurn_message.date import format_date

from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.envelope import Envelope, Recipient
from thurn.types.status import Status

RETURNED_OCTETS: Final = 65_536
"""Most octets of a header that are returned; no ordinary header is longer."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A recipient that was not reached, and why."""

    recipient: Recipient
    status: Status


def failure_report(
    hostname: str,
    envelope_sender: Address,
    original: Content,
    failures: Sequence[Failure],
    *,
    identifier: str,
    now: float,
) -> tuple[Envelope, Content]:
    """The report that a message could not be delivered, ready to be sent."""
    lines = "".join(
        f"<{one.recipient.original or one.recipient.address}>: {_line(one.status)}\n"
        for one in failures
    )
    mta = f"Reporting-MTA: dns; {hostname}\r\nX-Thurn-Transaction: {identifier}\r\n"
    fields = mta + "".join(map(_fields, failures))
    header = original.read()[: original.scan.header_end][:RETURNED_OCTETS]
    parts = [
        build.text_part(f"{_INTRODUCTION}\n{lines}"),
        build.raw_part("message/delivery-status", fields.encode()),
        build.raw_part("text/rfc822-headers", header),
    ]
    head = {
        "From": f"Mail Delivery System <postmaster@{hostname}>",
        "To": f"<{envelope_sender}>",
        "Subject": "Undelivered mail",
        "Date": format_date(now),
        "Message-ID": f"<report.{identifier}@{hostname}>",
        "Auto-Submitted": "auto-replied",
    }
    body = build.multipart("report", parts, "report-type=delivery-status")
    octets = build.message(head.items(), body)
    return Envelope(None, (Recipient(envelope_sender),)), Content.of(octets)


_INTRODUCTION: Final = (
    "Your message could not be delivered to the recipients below. It will not be tried again.\n"
)


def _fields(failure: Failure) -> str:
    recipient = failure.recipient
    original = f"Original-Recipient: rfc822;{recipient.original}\r\n" if recipient.original else ""
    return (
        f"\r\n{original}Final-Recipient: rfc822;{recipient.address}\r\nAction: failed\r\n"
        f"Status: {failure.status.enhanced}\r\n"
        f"Diagnostic-Code: smtp; {_line(failure.status)}\r\n"
    )


def _line(status: Status) -> str:
    return " ".join(str(status).split())
