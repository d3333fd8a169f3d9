"""The reports to the sender of a refused message, where the protocol cannot refuse. RFC 5429 §2.

Only the header of the refused message goes back, because the sender's address may be forged.
"""

from __future__ import annotations

import re
from typing import Final

from thurn_message import build
from thurn_message.address import Address, AddressError
from thurn_message.date import format_date
from thurn_message.fields import find_header_end
from thurn_message.msgid import make_message_id, parse_message_id

from thurn_sieve.context import Context

MAX_HEADER_OCTETS: Final = 32_768
"""Octets of the refused message's header in a report; senders need no more to recognise it."""

MAX_MESSAGE_ID_OCTETS: Final = 900
"""Octets of a message id that is repeated; a longer one does not fit into one line of a header
(RFC 5322 §2.1.1)."""

_UNFIT: Final = re.compile(rb"[\x00\x80-\xff]|\r(?!\n)|(?<!\r)\n|[^\r\n]{999}")

_DELIVERY: Final = (
    "Your message was refused by the recipient's mail filtering program.\r\n"
    "The reason given is as follows:\r\n\r\n"
)
_DISPOSITION: Final = (
    "The message was refused by the recipient's mail filtering program.\r\n"
    "The reason given was as follows:\r\n\r\n"
)


def delivery_report(context: Context, reason: str) -> bytes:
    """The DSN of a failure, for `ereject`. RFC 5429 §2.1.2, RFC 3464."""
    recipient = _recipient(context)
    host = recipient.rpartition("@")[2] or "localhost"
    fields = (
        f"Reporting-MTA: dns; {host}\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\n"
        "Action: failed\r\nStatus: 5.7.1\r\n"
    )
    parts = [
        _text_part(_DELIVERY + reason),
        build.raw_part("message/delivery-status", fields.encode("ascii", "replace")),
        _header_part(context),
    ]
    return _message(context, f"MAILER-DAEMON@{host}", "delivery-status", parts)


def disposition_report(context: Context, reason: str) -> bytes:
    """The MDN of a deletion, for `reject`. RFC 5429 §2.2.1, RFC 8098."""
    recipient = _recipient(context)
    lines = [f"Final-Recipient: rfc822; {recipient}"]
    message_id = _message_id(context)
    if message_id is not None:
        lines.append(f"Original-Message-ID: {message_id}")
    # RFC 5429 §2.2.1: the disposition is "deleted", and both modes are automatic.
    lines.append("Disposition: automatic-action/MDN-sent-automatically; deleted")
    fields = "".join(f"{line}\r\n" for line in lines)
    parts = [
        _text_part(_DISPOSITION + reason),
        build.raw_part("message/disposition-notification", fields.encode("ascii", "replace")),
        _header_part(context),
    ]
    return _message(context, recipient, "disposition-notification", parts)


def _recipient(context: Context) -> str:
    try:
        address = Address.parse(context.envelope.recipient)
    except AddressError:
        return "unknown@localhost"
    return str(address) if address.is_ascii else "unknown@" + address.domain


def _text_part(text: str) -> bytes:
    return build.text_part(text.replace("\0", "\ufffd"))


def _message_id(context: Context) -> str | None:
    fields = context.view.fields("message-id")
    message_id = parse_message_id(fields[0].raw) if fields else None
    if message_id is None or not message_id.isascii() or len(message_id) > MAX_MESSAGE_ID_OCTETS:
        return None
    return message_id.decode("ascii")


def _header_part(context: Context) -> bytes:
    """The header of the message as it came in, without edits (RFC 5429 §2.4)."""
    content = context.original
    end = min(find_header_end(content, 0, len(content)), MAX_HEADER_OCTETS)
    header = content[:end]
    # A line that the bound cuts is left out.
    header = header[: header.rfind(b"\n") + 1]
    if _UNFIT.search(header) is None:
        return build.raw_part("text/rfc822-headers", header)
    return build.base64_part("text/rfc822-headers", header)


def _message(context: Context, sender: str, kind: str, parts: list[bytes]) -> bytes:
    domain = sender.rpartition("@")[2]
    fields = [
        ("From", sender),
        ("To", context.envelope.sender or ""),
        ("Subject", "Message refused"),
        ("Date", format_date(context.now)),
        ("Message-ID", make_message_id(context.unique(), domain)),
        ("Auto-Submitted", "auto-replied (rejected)"),
    ]
    message_id = _message_id(context)
    if message_id is not None:
        fields.append(("In-Reply-To", message_id))
    return build.message(fields, build.multipart("report", parts, f"report-type={kind}"))
