"""Whether a message may be answered by a program at all: the rules that keep replies from harm.

Rules of this file:
1. A verdict is a reason why not, or None; each is one test, so that a trace can say which.
2. Programs, lists and oneself are never answered; nor is mail that was not addressed to the owner.

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
"""Local parts that no person reads. RFC 5230 §4.6."""
_TO_ME: Final = (b"to", b"cc", b"bcc", b"resent-to", b"resent-cc", b"resent-bcc")
"""Where the owner's address must stand. RFC 5230 §4.5."""
_BULK: Final = frozenset({"bulk", "junk", "list"})
_SUPPRESSED: Final = frozenset({"all", "oof", "autoreply"})


def why_not(
    scan: Scan, sender: Address | None, recipient: Address | None, own: Iterable[str]
) -> str | None:
    """Why this message must not be answered; None: it may be.

    Args:
        scan: the message.
        sender: the envelope's; None is the null sender.
        recipient: the envelope's, by which it came to the owner.
        own: the owner's addresses, those of `:addresses` among them.
    """
    # RFC 3834 §2: no reply to a null reverse-path.
    if sender is None:
        return "null sender"
    # RFC 5230 §4.6: SHOULD NOT answer programs and lists.
    if _PROGRAMS.fullmatch(sender.local) is not None:
        return f"the sender {sender} is a program"
    mine = own_keys(recipient, own)
    if sender.key in mine:
        return "the sender is oneself"
    by_program = automatic(scan)
    if by_program is not None:
        return by_program
    # RFC 5230 §4.5: MUST NOT respond unless an address of the owner is in To, Cc, Bcc ...
    return None if is_addressed_to(scan, mine) else "not addressed to the owner"


def automatic(scan: Scan) -> str | None:
    """What says that a program wrote the message or passed it on, or None. RFC 3834 §2."""
    for field in scan.fields:
        # RFC 5230 §4.6: List-* fields (RFC 2369, RFC 2919) mark lists.
        if field.name.startswith(b"list-"):
            return "mail of a list"
        if field.name == b"auto-submitted" and _word(scan.value(field)) != "no":
            return "Auto-Submitted"
        if field.name == b"precedence" and _word(scan.value(field)) in _BULK:
            return "Precedence"
        if field.name == b"x-auto-response-suppress" and _suppressed(scan.value(field)):
            return "X-Auto-Response-Suppress"
    return None


def is_addressed_to(scan: Scan, keys: Collection[str]) -> bool:
    """Whether one of these addresses (by key) stands in a field for recipients."""
    for name in _TO_ME:
        for value in scan.get_all(name):
            for mailbox in parse_address_list(value).mailboxes:
                address = mailbox.address
                if address is not None and address.key in keys:
                    return True
    return False


def own_keys(recipient: Address | None, own: Iterable[str]) -> frozenset[str]:
    """The keys of the owner's addresses; texts that are no addresses count for nothing."""
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
