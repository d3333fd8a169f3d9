"""The reply itself: a whole message, made without a clock and without randomness.

Rules of this file:
1. The reply goes to the envelope's sender, from a null sender: nothing answers it. RFC 3834 §4.
2. With `:mime` the reason brings its own Content- fields and nothing else of a header.
3. The thread is kept: In-Reply-To, References, and the subject with "Auto: " before it.
4. Whatever the subject and the reason hold, no field is made of it (see `headerfield`).

RFC 5230 §5.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from thurn_message.address import Address
from thurn_message.build import message, text_part
from thurn_message.encodedword import decode_words
from thurn_message.fields import find_header_end, read_fields, unfold
from thurn_message.headerfield import header, mailbox
from thurn_message.msgid import parse_message_id, parse_message_ids
from thurn_message.scanner import Scan

SUBJECT_CHARACTERS: Final = 256
"""Of a subject that is answered; people read less, and encoded words make it thrice as long."""
REFERENCES: Final = 20
"""Message ids of the thread that are repeated; RFC 5322 §3.6.4 lets a reply leave some out."""
MESSAGE_ID_OCTETS: Final = 900
"""A longer one does not fit a line of a header (RFC 5322 §2.1.1) and is not repeated."""

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a reply says.

    Attributes:
        to: who is answered, the envelope's sender.
        from_: a ready value for From.
        subject: None: "Auto: " and the subject that is answered.
        mime: the reason is a MIME entity, Content- fields and body.
        date: a ready value for Date.
        message_id: with its angle brackets.
    """

    to: Address
    from_: str
    reason: str
    date: str
    message_id: str
    subject: str | None = None
    mime: bool = False


def build_reply(reply: Reply, answered: Scan) -> bytes:
    """The octets of the reply, ready to be sent with a null sender.

    Raises:
        ValueError: From, Date or the message id cannot be written (see `headerfield`).

    RFC 5230 §5, RFC 3834 §3.1.
    """
    subject = answer_subject(answered) if reply.subject is None else reply.subject
    fields: list[tuple[str, str | bytes]] = [
        ("From", reply.from_),
        ("To", mailbox("", reply.to)),
        ("Subject", _line(subject)),
        ("Date", reply.date),
        ("Message-ID", reply.message_id),
        # RFC 5230 §5.6: Auto-Submitted with "auto-replied" MUST be there.
        ("Auto-Submitted", "auto-replied (vacation)"),
        ("X-Auto-Response-Suppress", "All"),
        ("Precedence", "bulk"),
        *thread_fields(answered),
    ]
    part = mime_entity(reply.reason) if reply.mime else text_part(reply.reason)
    return message(fields, part)


def answer_subject(answered: Scan) -> str:
    """The subject that is answered, with "Auto: " before it. RFC 5230 §5.1."""
    raw = answered.get(b"subject")
    subject = "" if raw is None else _line(decode_words(raw))
    return f"Auto: {subject}" if subject else "Automated reply"


def thread_fields(answered: Scan) -> list[tuple[str, bytes]]:
    """In-Reply-To and References, when the message has an id. RFC 5230 §5.8, RFC 5322 §3.6.4."""
    raw = answered.get(b"message-id")
    found = None if raw is None else parse_message_id(raw)
    if found is None or not _is_writable(found):
        return []
    before = answered.get(b"references") or answered.get(b"in-reply-to") or b""
    known = [one for one in parse_message_ids(before) if _is_writable(one)]
    if len(known) >= REFERENCES:
        known = [known[0], *known[2 - REFERENCES :]]
    return [("In-Reply-To", found), ("References", b" ".join([*known, found]))]


def mime_entity(reason: str) -> bytes:
    """The entity that a reason with `:mime` is: its Content- fields and its body.

    RFC 5230 §4.3.
    """
    octets = re.sub(r"\r\n|\r|\n", "\r\n", reason).encode(errors="replace")
    end = find_header_end(octets, 0, len(octets))
    written: dict[bytes, bytes] = {}
    for field in read_fields(octets, 0, end):
        # RFC 5230 §4.3: fields of the reason that are not MIME's MUST NOT become fields of the
        # reply. RFC 2045 §3: none of them twice; readers would not agree on which counts.
        if not field.name.startswith(b"content-") or field.name in written:
            continue
        value = _CONTROLS_IN_VALUE.sub(b" ", unfold(octets[field.value : field.end]))
        name = octets[field.start : field.start + len(field.name)].decode("ascii")
        with suppress(ValueError):  # no name, or a word that fits no line: left out
            if value:
                written[field.name] = header(name, value)
    body = octets[end:]
    if b"content-transfer-encoding" not in written and not body.isascii():
        written[b"content-transfer-encoding"] = header("Content-Transfer-Encoding", "8bit")
    return b"".join(written.values()) + b"\r\n" + body


_CONTROLS_IN_VALUE: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


def _is_writable(message_id: bytes) -> bool:
    return len(message_id) <= MESSAGE_ID_OCTETS and message_id.isascii() and b"\0" not in message_id


def _line(text: str) -> str:
    """One line without controls, bounded."""
    return _CONTROLS.sub(" ", text).strip()[:SUBJECT_CHARACTERS]
