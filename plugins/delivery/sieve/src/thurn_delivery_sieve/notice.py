"""The mail that tells an account why its script failed, and the keys that keep it rare."""

from __future__ import annotations

import hashlib
from typing import Final

from thurn.plugin import Content, Delivery
from thurn_message.build import text_message
from thurn_message.date import format_date
from thurn_message.encodedword import decode_words

NOTICE_SECONDS: Final = 86_400.0
"""One notice a day and script: a broken script meets every message."""
REASONS: Final = 10
"""Reasons of one notice; nobody reads more."""
REASON_CHARACTERS: Final = 500
FIELD_CHARACTERS: Final = 200
"""Of the message's fields that a notice repeats."""


def notice_key(source: bytes, name: str, topic: str) -> str:
    """The key of a script's notice; a changed script gets a new one."""
    head = f"{topic}\0{name}\0".encode(errors="replace")
    digest = hashlib.sha256(head + source)
    return "sieve-notice " + digest.hexdigest()[:40]


def write_notice(
    delivery: Delivery, name: str, reasons: list[str], *, hostname: str, wall: float
) -> Content:
    """The notice: which script, which lines, why, and which message was kept."""
    scan = delivery.content.scan
    record = delivery.record
    address = record.address or delivery.recipient.address
    lines = [
        f'Your mail filter "{_line(name)}" could not be run to its end:',
        "",
        *(f"    {_line(reason, REASON_CHARACTERS)}" for reason in reasons[:REASONS]),
        "",
        "The message was kept in your INBOX. Until the filter is corrected this happens to every",
        "message that meets the fault; you are told of it once a day.",
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
    """One printable line of some text, bounded."""
    return "".join(one if one.isprintable() else " " for one in text[:characters])
