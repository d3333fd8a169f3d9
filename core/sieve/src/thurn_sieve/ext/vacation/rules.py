"""The rules that decide whether a program may answer a message, so that answers do no harm.

Rules of this file:
1. Each test gives a reason not to answer, or None, so that a trace can show the reason.
2. Programs, lists and the account itself are never answered, nor is a message that was not
   addressed to the account.

RFC 5230 §4.5, §4.6; RFC 3834 §2.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from thurn_message.address import Address, AddressError
from thurn_message.addresslist import parse_address_list
from thurn_message.encodedword import decode_words
from thurn_message.parameter import strip_comments
from thurn_message.scanner import Scan

_PROGRAMS: Final = re.compile(
    r"(?:mailer-daemon|listserv|majordomo|owner-.*|.*-request|.*-owner|.*-bounces?(?:[+=].*)?)",
    re.IGNORECASE | re.DOTALL,
)
"""Local parts of programs; no person reads their mail. RFC 5230 §4.6."""
_RECIPIENT_FIELDS: Final = (b"to", b"cc", b"bcc", b"resent-to", b"resent-cc", b"resent-bcc")
"""Names of the fields of which one must have an address of the account. RFC 5230 §4.5."""
_BULK: Final = frozenset({"bulk", "junk", "list"})
_SUPPRESSED: Final = frozenset({"all", "oof", "autoreply"})


def why_not(
    scan: Scan, sender: Address | None, recipient: Address | None, own: Iterable[str]
) -> str | None:
    """The reason why this message must not be answered; None if it may be answered.

    Args:
        scan: the message.
        sender: the sender of the envelope; None for the null sender.
        recipient: the recipient of the envelope, by which the message came to the account.
        own: the addresses of the account, with those of `:addresses`.
    """
    # RFC 3834 §2: no reply to a null reverse-path.
    if sender is None:
        return "null sender"
    # RFC 5230 §4.6: SHOULD NOT answer programs and lists.
    if _PROGRAMS.fullmatch(sender.local) is not None:
        return f"the sender {sender} is a program"
    account_keys = own_keys(recipient, own)
    if sender.key in account_keys:
        return "the sender is the account itself"
    by_program = automatic(scan)
    if by_program is not None:
        return by_program
    # RFC 5230 §4.5: MUST NOT respond unless an address of the account is in To, Cc, Bcc ...
    return None if is_addressed_to(scan, account_keys) else "not addressed to the account"


def automatic(scan: Scan) -> str | None:
    """The sign that a program wrote the message or passed it on, or None. RFC 3834 §2."""
    for field in scan.fields:
        # RFC 5230 §4.6: List-* fields (RFC 2369, RFC 2919) mark lists.
        if field.name.startswith(b"list-"):
            return "mail from a list"
        if field.name == b"auto-submitted" and _word(scan.value(field)) != "no":
            return "Auto-Submitted"
        if field.name == b"precedence" and _word(scan.value(field)) in _BULK:
            return "Precedence"
        if field.name == b"x-auto-response-suppress" and _suppressed(scan.value(field)):
            return "X-Auto-Response-Suppress"
    return None


def is_addressed_to(scan: Scan, keys: Collection[str]) -> bool:
    """Whether one of these addresses (by key) is in a field for recipients."""
    for name in _RECIPIENT_FIELDS:
        for value in scan.get_all(name):
            for mailbox in parse_address_list(value).mailboxes:
                address = mailbox.address
                if address is not None and address.key in keys:
                    return True
    return False


def own_keys(recipient: Address | None, own: Iterable[str]) -> frozenset[str]:
    """The keys of the account's addresses; texts that are not addresses are ignored."""
    keys = set() if recipient is None else {recipient.key}
    for text in own:
        try:
            keys.add(Address.parse(text.strip().strip("<>")).key)
        except AddressError:
            continue
    return frozenset(keys)


def _word(value: bytes) -> str:
    """The first word of a field without parameters and comments, in lower case."""
    plain = strip_comments(value) if b"(" in value else value
    return plain.partition(b";")[0].strip().decode("latin-1").lower()


def _suppressed(value: bytes) -> bool:
    return any(word.strip().lower() in _SUPPRESSED for word in decode_words(value).split(","))
