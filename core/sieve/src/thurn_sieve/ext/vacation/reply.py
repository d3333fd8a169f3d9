"""The reply itself: a whole message, made without a clock and without randomness.

Rules of this file:
1. The reply goes to the envelope's sender, and has a null sender, so that no program answers it.
   RFC 3834 §4.
2. With `:mime` the reason has its own Content- fields; its other header fields are ignored.
3. The reply belongs to the message's thread: it has In-Reply-To, References, and the message's
   subject after "Auto: ".
4. Neither the subject nor the reason can add a header field (see `headerfield`).

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
"""Characters of the reply's subject; people read less, and encoded words make it up to three times
as long."""
MAX_REFERENCES: Final = 20
"""Message ids in the References field; RFC 5322 §3.6.4 lets a reply leave some out."""
MAX_MESSAGE_ID_OCTETS: Final = 900
"""Octets of a message id that is repeated; a longer one does not fit into one line of a header
(RFC 5322 §2.1.1)."""

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Reply:
    """The contents of a reply.

    Attributes:
        to: the address that is answered, the envelope's sender.
        from_: the value of the From field.
        reason: the text, or with `mime` a MIME entity.
        date: the value of the Date field.
        message_id: the message id with its angle brackets.
        subject: the subject; None means "Auto: " and the subject of the message.
        mime: whether `reason` is a MIME entity: Content- fields and a body.
    """

    to: Address
    from_: str
    reason: str
    date: str
    message_id: str
    subject: str | None = None
    mime: bool = False


def build_reply(reply: Reply, answered: Scan) -> bytes:
    """The octets of the reply to a message, ready to be sent with a null sender.

    Raises:
        ValueError: From, Date or the message id cannot be a header field (see `headerfield`).

    RFC 5230 §5, RFC 3834 §3.1.
    """
    subject = answer_subject(answered) if reply.subject is None else reply.subject
    fields: list[tuple[str, str | bytes]] = [
        ("From", reply.from_),
        ("To", mailbox("", reply.to)),
        ("Subject", _line(subject)),
        ("Date", reply.date),
        ("Message-ID", reply.message_id),
        # RFC 5230 §5.6: there MUST be an Auto-Submitted field with "auto-replied".
        ("Auto-Submitted", "auto-replied (vacation)"),
        ("X-Auto-Response-Suppress", "All"),
        ("Precedence", "bulk"),
        *thread_fields(answered),
    ]
    part = mime_entity(reply.reason) if reply.mime else text_part(reply.reason)
    return message(fields, part)


def answer_subject(answered: Scan) -> str:
    """The subject of a reply: "Auto: " and the subject of the message. RFC 5230 §5.1."""
    raw = answered.get(b"subject")
    subject = "" if raw is None else _line(decode_words(raw))
    return f"Auto: {subject}" if subject else "Automated reply"


def thread_fields(answered: Scan) -> list[tuple[str, bytes]]:
    """In-Reply-To and References, if the message has an id. RFC 5230 §5.8, RFC 5322 §3.6.4."""
    raw = answered.get(b"message-id")
    message_id = None if raw is None else parse_message_id(raw)
    if message_id is None or not _is_writable(message_id):
        return []
    before = answered.get(b"references") or answered.get(b"in-reply-to") or b""
    references = [one for one in parse_message_ids(before) if _is_writable(one)]
    if len(references) >= MAX_REFERENCES:
        references = [references[0], *references[2 - MAX_REFERENCES :]]
    references.append(message_id)
    return [("In-Reply-To", message_id), ("References", b" ".join(references))]


def mime_entity(reason: str) -> bytes:
    """The MIME entity of a reason with `:mime`: its Content- fields and its body.

    RFC 5230 §4.3.
    """
    octets = re.sub(r"\r\n|\r|\n", "\r\n", reason).encode(errors="replace")
    end = find_header_end(octets, 0, len(octets))
    written: dict[bytes, bytes] = {}
    for field in read_fields(octets, 0, end):
        # RFC 5230 §4.3: other fields of the reason MUST NOT become fields of the reply.
        # RFC 2045 §3: no field stands twice; readers would differ in which one they use.
        if not field.name.startswith(b"content-") or field.name in written:
            continue
        value = _CONTROLS_IN_VALUE.sub(b" ", unfold(octets[field.value : field.end]))
        name = octets[field.start : field.start + len(field.name)].decode("ascii")
        with suppress(ValueError):  # a bad name or a word that is too long: the field is left out
            if value:
                written[field.name] = header(name, value)
    body = octets[end:]
    if b"content-transfer-encoding" not in written and not body.isascii():
        written[b"content-transfer-encoding"] = header("Content-Transfer-Encoding", "8bit")
    return b"".join(written.values()) + b"\r\n" + body


_CONTROLS_IN_VALUE: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


def _is_writable(message_id: bytes) -> bool:
    return (
        len(message_id) <= MAX_MESSAGE_ID_OCTETS
        and message_id.isascii()
        and b"\0" not in message_id
    )


def _line(text: str) -> str:
    """The text as one line without control characters, cut at `SUBJECT_CHARACTERS`."""
    return _CONTROLS.sub(" ", text).strip()[:SUBJECT_CHARACTERS]
