"""The search keys that both servers get, and the messages that only one of them may find.

RFC 9051 §6.4.4; RFC 8457 §2 ($Important).
"""

from __future__ import annotations

import re

KEYS = (
    "ALL",
    "ANSWERED",
    "UNANSWERED",
    "DELETED",
    "UNDELETED",
    "DRAFT",
    "UNDRAFT",
    "FLAGGED",
    "UNFLAGGED",
    "SEEN",
    "UNSEEN",
    "KEYWORD $Important",
    "UNKEYWORD $Important",
    "KEYWORD NoSuchKeyword",
    "5:15",
    "UID 1:10,17:*",
    "*",
    "LARGER 4000",
    "SMALLER 1000",
    "BEFORE 10-Feb-2020",
    "ON 10-Feb-2020",
    "SINCE 20-Feb-2020",
    "SENTBEFORE 1-Jan-2006",
    "SENTON 24-Nov-2026",
    "SENTSINCE 1-Jan-2016",
    "FROM example",
    "TO example.org",
    "CC recipient",
    "BCC a",
    "SUBJECT test",
    'SUBJECT ""',
    "HEADER Message-ID mail",
    'HEADER X-Mailer ""',
    'HEADER List-Id ""',
    "HEADER Received by",
    "HEADER Content-Type boundary",
    "BODY hello",
    "BODY failed",
    'BODY "user unknown"',
    "TEXT delivery",
    'TEXT "base64"',
    "BODY base64",
    'CHARSET UTF-8 SUBJECT "é"',
    'CHARSET UTF-8 TEXT "ü"',
    'CHARSET UTF-8 BODY "かき"',
    'CHARSET UTF-8 SUBJECT "テ"',
    'CHARSET UTF-8 FROM "ö"',
    "OR SEEN FLAGGED",
    "OR (SEEN LARGER 2000) (ANSWERED SMALLER 5000)",
    "NOT SEEN NOT ANSWERED",
    "NOT (OR SUBJECT re FROM mail)",
    "SEEN SINCE 10-Feb-2020 LARGER 1000 NOT KEYWORD $Important",
    "UID 1:100 OR OR DELETED DRAFT BODY the",
    "NOT 1:17",
    "(ALL)",
    'TEXT "MIME-Version: 1.0"',
    'TEXT "multipart"',
    'BODY "multipart"',
    "NEW",
    "OLD",
    "RECENT",
)

DATE = re.compile(
    rb"(?im)^Date: *([A-Z]{3}, *)?\d{1,2} [A-Z]{3} \d{4} \d\d:\d\d(:\d\d)? *([+-]\d{4}|[A-Z]{1,5})"
)

NAMES = {
    # class: (names of the corpus, or None for a look at the message), found by thurn?
    "two-digit-year": ("SENT", {"rfc2822--example04.eml", "rfc2822--example10.eml"}, None),
    "broken-date": ("SENT", {"plain_emails--raw_email_bad_time.eml"}, None),
    "unknown-charset": ("SUBJECT", {"error_emails--bad_encoded_subject.eml"}, False),
    "unknown-encoding": ("BODY", {
        "error_emails--content_transfer_encoding_text-html.eml",
        "mail--mime-bad-content-transfer-encoding.eml",
    }, True),
    "unusable-multipart": ("BODY", {"rhost-google-02.eml"}, True),
    "broken-value": ("", {"lhost-x1-02.eml"}, True),
    "raw-octets": ("CHARSET", {"eight-bit-header.eml"}, True),
    "absent-mailbox": ("FROM", {
        "plain_emails--mix_caps_content_type.eml", "lhost-surfcontrol-02.eml",
    }, True),
}  # fmt: skip


def explained(key, message, *, ours):
    """Whether the one-sided find is a known difference."""
    if key in ("NEW", "OLD", "RECENT"):
        return True  # `recent`
    if key.startswith("SENTBEFORE") and not ours and not has_date(message.header):
        return True  # `no-date`
    if key in ("BODY base64", 'BODY "multipart"') and ours:
        return (
            any(one in message.octets.lower() for one in (b"message/", b"multipart/digest"))
            or message.name == "mail--multipart-wo-boundary.eml"
        )
    return any(
        word in key and message.name in names and by_thurn in (None, ours)
        for word, names, by_thurn in NAMES.values()
    )


def has_date(header):
    """Whether Date is one of RFC 5322 §3.3, and not of the obsolete forms."""
    return DATE.search(header) is not None
