"""The notice that tells an account why its script failed, and the keys that limit notices."""

from __future__ import annotations

import hashlib
from typing import Final

from thurn.plugin import Content, Delivery
from thurn_message.build import text_message
from thurn_message.date import format_date
from thurn_message.encodedword import decode_words

NOTICE_SECONDS: Final = 86_400.0
"""Time in seconds between two notices about one script, because a broken script may fail for every
message."""
MAX_REASONS: Final = 10
"""Reasons in one notice; nobody reads more."""
REASON_CHARACTERS: Final = 500
"""Characters of one reason in a notice; a reason may repeat text of the script."""
FIELD_CHARACTERS: Final = 200
"""Characters of each field of the message that a notice repeats; enough to recognise it."""


def notice_key(source: bytes, name: str, topic: str) -> str:
    """The key of a notice about a script; a changed script has another key."""
    head = f"{topic}\0{name}\0".encode(errors="replace")
    digest = hashlib.sha256(head + source)
    return "sieve-notice " + digest.hexdigest()[:40]


def write_notice(
    delivery: Delivery, name: str, reasons: list[str], *, hostname: str, wall: float
) -> Content:
    """The notice: the script, the reasons of its failure, and the message that was kept."""
    scan = delivery.content.scan
    record = delivery.record
    address = record.address or delivery.recipient.address
    lines = [
        f'Your mail filter "{_line(name)}" failed:',
        "",
        *(f"    {_line(reason, REASON_CHARACTERS)}" for reason in reasons[:MAX_REASONS]),
        "",
        "The message was kept in your INBOX. The filter will fail again for messages like this",
        "one until you correct it. You get this notice at most once a day.",
        "",
        "The message:",
        *(
            f"    {title}: {_line(decode_words(value))}"
            for title in ("From", "Subject", "Date", "Message-ID")
            if (value := scan.get(title.lower().encode())) is not None
        ),
        f"    Transaction: {delivery.transaction.id}",
        "",
    ]
    fields: list[tuple[str, str | bytes]] = [
        ("From", f"Mail Delivery System <postmaster@{hostname}>"),
        ("To", str(address)),
        ("Subject", f'Your mail filter "{_line(name)}" failed'),
        ("Date", format_date(wall)),
        ("Message-ID", f"<sieve-notice.{delivery.transaction.id}@{hostname}>"),
        ("Auto-Submitted", "auto-generated"),
    ]
    return Content.of(text_message(fields, "\n".join(lines)))


def _line(text: str, characters: int = FIELD_CHARACTERS) -> str:
    """The start of a text as one printable line."""
    return "".join(one if one.isprintable() else " " for one in text[:characters])
