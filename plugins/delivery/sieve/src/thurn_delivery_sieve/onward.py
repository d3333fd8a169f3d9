"""Redirected messages: their content, their envelope, and the key under which they are remembered.

Rules of this file:
1. The sender of the envelope stays the same; the null sender stays null. RFC 5228 §4.2.
2. The octets stay the same, except that the mark against loops is added above them, and Return-Path
   is removed, which belongs to final delivery only (RFC 5321 §4.4).
3. The body stays shared where it is shared: only the fields above it are written anew.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from thurn.plugin import Address, Content, Envelope, Recipient
from thurn_message.scanner import Scan

MARK: Final = b"X-Sieve-Redirected-From"
"""Name of the field with the address of an account that has redirected the message; that account
does not redirect it again."""
DIGEST_OCTETS: Final = 65_536
"""Octets of a body that distinguish messages with the same Message-ID."""

_RETURN_PATH: Final = re.compile(
    rb"^return-path[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+(?:\n|\Z)", re.IGNORECASE | re.MULTILINE
)
_KEPT_PARAMETERS: Final = frozenset({"BODY", "SMTPUTF8", "RET", "ENVID", "REQUIRETLS", "BY"})


def redirected(content: Content, account: Address) -> Content:
    """The message as it is sent on, with the mark of the account that redirects it."""
    mark = MARK + b": " + bytes(account) + b"\r\n"
    if content.prefix:
        return Content(content.blob, mark + _RETURN_PATH.sub(b"", content.prefix))
    scan = content.scan
    head = _RETURN_PATH.sub(b"", scan.content[: scan.header_end])
    return Content.of(mark + head + scan.content[scan.header_end :])


def is_marked(scan: Scan, account: Address) -> bool:
    """Whether this account has redirected the message before."""
    address = bytes(account).lower()
    return any(value.strip().lower() == address for value in scan.get_all(MARK.lower()))


def onward_envelope(envelope: Envelope, recipient: Recipient, address: Address) -> Envelope:
    """The envelope of a redirected message: the same sender and another recipient.

    The delivery reports that the sender asked for still come, and name the recipient that the
    sender knows. RFC 3461 §5.2.7.
    """
    kept: dict[str, str | None] = {
        key: value for key, value in envelope.parameters.items() if key in _KEPT_PARAMETERS
    }
    senders = (envelope.sender, address)
    if any(one is not None and not one.is_ascii for one in senders):
        kept["SMTPUTF8"] = None
    parameters: Mapping[str, str | None] = recipient.parameters
    original = recipient.original or recipient.address
    return Envelope(envelope.sender, (Recipient(address, parameters, original),), kept)


def redirect_key(scan: Scan, address: Address, sender: Address | None, transaction: str) -> str:
    """The key of a redirection; the same message, sender and address have the same key.

    A message without a Message-ID is the same only within its transaction.
    """
    identifier = scan.get(b"message-id") or transaction.encode()
    body = scan.content[scan.header_end : scan.header_end + DIGEST_OCTETS]
    digest = hashlib.sha256(
        b"\0".join(
            [
                address.key.encode(),
                b"" if sender is None else sender.key.encode(),
                identifier,
                b"%d" % (len(scan) - scan.header_end),
                body,
            ]
        )
    )
    return "redirect " + digest.hexdigest()[:40]
