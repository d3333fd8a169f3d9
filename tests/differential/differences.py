"""The known differences between thurn and Dovecot, each a class with the test that recognises it.

Rules of this file: a class is as narrow as its reason; what no class takes is a new difference, and
the test fails. Each class has a line in docs/explanation/imap-differences.md, which says what the
standards say.
"""

from __future__ import annotations

import re

SPACE = re.compile(rb"[ \t]+")
PLACEHOLDER = (b"MISSING_MAILBOX", b"MISSING_DOMAIN", b"SYNTAX_ERROR")
ENCODINGS = (b"7bit", b"8bit", b"binary", b"quoted-printable", b"base64")
CHARSET = [b"charset", b"us-ascii"]
EMPTY_TEXT = [b"text", b"plain", CHARSET, None, None, b"7bit", "0", "0"]
FIELD = re.compile(rb"[\x21-\x39\x3b-\x7e]+[ \t]*:")

TREE = {
    "unusable-multipart",
    "encoded-message",
    "same-boundary",
    "text-behind-boundary",
    "boundary-token",
}
"""Classes that give a message another tree; its numbered sections then differ as well."""

BROKEN_ADDRESSES = {
    "mail--malformed-multiple-address-header-values.eml",
    "plain_emails--mix_caps_content_type.eml",
    "plain_emails--raw_email_multiple_from.eml",
    "plain_emails--raw_email_with_at_display_name.eml",
    "rhost-apple-01.eml",
}
"""Fields of the corpus that RFC 5322 §3.4 does not define; both servers guess."""

BY_NAME = {
    "mime_emails--raw_email_with_binary_encoded.eml": "boundary-token",
    "mime_emails--raw_email_with_illegal_boundary.eml": "boundary-token",
    "plain_emails--raw_email_bad_time.eml": "boundary-token",
    "boundary-same.eml": "same-boundary",
    "mime_emails--raw_email4.eml": "text-behind-boundary",
    "weird-boundary.eml": "text-behind-boundary",
    "boundary-prefix.eml": "text-behind-boundary",
}
"""Whose boundaries are read otherwise, and why."""


class Message:
    """What the classes look at: a message of the corpus, and its name."""

    def __init__(self, name, octets):
        self.name, self.octets = name, octets
        end = octets.find(b"\r\n\r\n")
        self.header = octets if end < 0 else octets[: end + 4]
        self.classes = set()

    def count(self, field):
        return len(re.findall(rb"(?im)^" + re.escape(field.encode()) + rb"[ \t]*:", self.octets))


def lowered(value):
    return value.lower() if isinstance(value, bytes) else value


def normal_body(body):
    """BODY or BODYSTRUCTURE in the one form of what the standards leave free: case of types,
    encodings, dispositions and parameter names; one language as a list or not."""
    if not isinstance(body, list) or not body:
        return body
    if isinstance(body[0], list):
        count = 0
        while count < len(body) and isinstance(body[count], list):
            count += 1
        parts, rest = [normal_body(part) for part in body[:count]], body[count:]
        if len(rest) > 1:
            rest = [lowered(rest[0]), names(rest[1]), *extension(rest[2:])]
        else:
            rest = [lowered(rest[0])]
        return [parts, *rest]
    kind, subtype = lowered(body[0]), lowered(body[1])
    out = [kind, subtype, names(body[2]), body[3], body[4], lowered(body[5]), body[6]]
    rest = body[7:]
    if kind == b"message" and subtype == b"rfc822" and len(rest) >= 3:
        out += [rest[0], normal_body(rest[1]), rest[2]]
        rest = rest[3:]
    elif kind == b"text":
        out.append(rest[0])
        rest = rest[1:]
    return out + ([rest[0], *extension(rest[1:])] if rest else [])


def names(parameters):
    if parameters is None:
        return None
    return [lowered(one) if at % 2 == 0 else one for at, one in enumerate(parameters)]


def extension(rest):
    """Disposition, language, location."""
    disposition, language, *more = [*rest, None, None, None][: max(len(rest), 2)]
    if isinstance(disposition, list):
        disposition = [lowered(disposition[0]), names(disposition[1])]
    if isinstance(language, bytes):
        language = [language]
    return [disposition, language, *more]


def leaves(ours, theirs, path=()):
    """Where two structures differ, as deep as their shapes agree."""
    if ours == theirs:
        return
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for at, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from leaves(one, other, (*path, at))
        return
    yield path, ours, theirs


def structure_class(message, ours, theirs):
    """The class of a difference within BODY or BODYSTRUCTURE."""
    if is_list(ours) and ours[:2] == [b"text", b"plain"] and is_empty_multipart(theirs):
        return "unusable-multipart"
    if is_list(ours) and ours[:2] == [b"application", b"octet-stream"]:
        return "encoded-message" if theirs[:2] == [b"message", b"rfc822"] else None
    if is_list(theirs) and (ours is None or is_list(ours)) and (ours or []) + CHARSET == theirs:
        return "default-charset"
    if isinstance(ours, str) and isinstance(theirs, str):
        return "line-end-of-message" if int(theirs) - int(ours) in (1, 2) else None
    if message.name in BY_NAME:
        return BY_NAME[message.name]
    if theirs == b"7bit" and isinstance(ours, bytes) and ours not in ENCODINGS:
        return "unknown-encoding"
    if b"" in (theirs, theirs[0] if is_list(theirs) else None):
        return "broken-value"
    if message.count("content-disposition") > 1 and ours in (b"inline", None):
        return "repeated-field"
    if message.count("from") > 1 and is_list(ours) and theirs == ours * 2:
        return "repeated-field"
    return text_class(ours, theirs)


def is_empty_multipart(value):
    children = value[0] if is_list(value) else None
    return is_list(children) and len(children) == 1 and children[0][:8] == EMPTY_TEXT


def is_list(value):
    return isinstance(value, list) and bool(value)


def text_class(ours, theirs):
    if not (isinstance(ours, bytes) and isinstance(theirs, bytes)):
        return None
    same = SPACE.sub(b" ", ours).strip() == SPACE.sub(b" ", theirs).strip()
    return "folding-space" if same else None


def envelope_class(message, field, ours, theirs):
    """The class of a difference in a field of ENVELOPE."""
    if any(word in str(theirs).encode() for word in PLACEHOLDER):
        return "absent-mailbox"
    if message.count("from" if field in ("sender", "reply-to") else field) > 1:
        return "repeated-field"
    if message.name in BROKEN_ADDRESSES and field in ("from", "sender", "reply-to", "to"):
        return "broken-address"
    return text_class(ours, theirs)


def section_class(message, item, ours, theirs):
    """The class of a difference between two contents."""
    section = item[5 : item.index("]")] if "[" in item else "HEADER"
    if "FIELDS.NOT" in section or "FIELDS" in section:
        return _fields_class(message, section, ours, theirs)
    if ours is None:
        return "no-such-part"
    if message.classes & TREE and section[:1].isdigit():
        return "tree"
    if (
        section[:1].isdigit()
        and (theirs or b"").startswith(ours)
        and theirs[len(ours) :] in (b"\r\n", b"\n", b"\r")
    ):
        return "line-end-of-message"
    return None


def _fields_class(message, section, ours, theirs):
    if ours is None:
        return "no-such-part"
    if theirs == ours + b"\r\n" or (ours == b"" and theirs == b"\r\n"):
        return "blank-line"  # the header has none
    if "NOT" in section:
        kept = [line for line in theirs.split(b"\r\n") if line]
        mine = [line for line in ours.split(b"\r\n") if line]
        if set(mine) <= set(kept):
            lost = [line for line in kept if line not in mine]
            # Not a field: no name, or a line before the first field, and what is folded to it.
            first = [line for line in lost if line[:1] not in (b" ", b"\t")]
            if not any(map(FIELD.match, first)):
                return "no-field"
    return "tree" if message.classes & TREE and section[:1].isdigit() else None
