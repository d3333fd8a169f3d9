"""Writes delivery status notifications. RFC 3464, RFC 6522.

Rules: a report has the null sender, is never sent to a null sender, and returns the header of the
message only (bodies may be large and may not be the reporter's to show).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from thurn_message.date import format_date

from thurn.types.address import Address
from thurn.types.content import Content
from thurn.types.envelope import Envelope, Recipient
from thurn.types.status import Status

RETURNED_OCTETS: Final = 65_536
"""Of the header that is returned; enough for any honest one."""


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
    boundary = f"=_report_{identifier}"
    lines = "\r\n".join(
        f"<{failure.recipient.original or failure.recipient.address}>: {_line(failure.status)}"
        for failure in failures
    )
    parts = [
        _HEADER.format(
            host=hostname,
            to=envelope_sender,
            date=format_date(now),
            identifier=identifier,
            boundary=boundary,
        ),
        f"--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n",
        f"{_INTRODUCTION}\r\n{lines}\r\n\r\n",
        f"--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n",
        f"Reporting-MTA: dns; {hostname}\r\nX-Thurn-Transaction: {identifier}\r\n",
        *(_fields(failure) for failure in failures),
        f"\r\n--{boundary}\r\nContent-Type: text/rfc822-headers\r\n\r\n",
    ]
    header = original.read()[: original.scan.header_end][:RETURNED_OCTETS]
    octets = "".join(parts).encode() + header + f"\r\n--{boundary}--\r\n".encode()
    return Envelope(None, (Recipient(envelope_sender),)), Content.of(octets)


_HEADER: Final = (
    "From: Mail Delivery System <postmaster@{host}>\r\n"
    "To: <{to}>\r\n"
    "Subject: Undelivered mail\r\n"
    "Date: {date}\r\n"
    "Message-ID: <report.{identifier}@{host}>\r\n"
    "Auto-Submitted: auto-replied\r\n"
    "MIME-Version: 1.0\r\n"
    'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"\r\n'
    "\r\n"
)
_INTRODUCTION: Final = (
    "Your message could not be delivered to the recipients below. It will not be tried again.\r\n"
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
