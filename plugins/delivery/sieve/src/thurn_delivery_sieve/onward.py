"""Messages that go on: what is redirected, and under which key it is remembered.

Rules of this file:
1. The envelope's sender stays; the null sender stays null. RFC 5228 §4.2.
2. The octets stay; above them comes the mark that ends loops, and Return-Path goes, which belongs
   to final delivery only (RFC 5321 §4.4).
3. The shared body stays shared: only what is above it is written anew.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from thurn.plugin import Address, Content, Envelope, Recipient
from thurn_message.scanner import Scan

MARK: Final = b"X-Sieve-Redirected-From"
"""Says who has redirected a message; who finds itself there redirects it no more."""
DIGEST_OCTETS: Final = 65_536
"""Of a body that tell messages of one Message-ID apart."""

_RETURN_PATH: Final = re.compile(
    rb"^return-path[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+(?:\n|\Z)", re.IGNORECASE | re.MULTILINE
)
_KEPT_PARAMETERS: Final = frozenset({"BODY", "SMTPUTF8", "RET", "ENVID", "REQUIRETLS", "BY"})


def redirected(content: Content, account: Address) -> Content:
    """The message as it goes on, with the mark of who redirects it."""
    mark = MARK + b": " + bytes(account) + b"\r\n"
    if content.prefix:
        return Content(content.blob, mark + _RETURN_PATH.sub(b"", content.prefix))
    scan = content.scan
    head = _RETURN_PATH.sub(b"", scan.content[: scan.header_end])
    return Content.of(mark + head + scan.content[scan.header_end :])


def is_marked(scan: Scan, account: Address) -> bool:
    """Whether this account has redirected the message before."""
    mine = bytes(account).lower()
    return any(value.strip().lower() == mine for value in scan.get_all(MARK.lower()))


def onward_envelope(envelope: Envelope, recipient: Recipient, address: Address) -> Envelope:
    """The envelope of a redirected message: the same sender, one other recipient.

    RFC 3461 §5.2.7: what the sender asked for of delivery reports goes along; they name the
    recipient that the sender knows.
    """
    kept: dict[str, str | None] = {
        key: value for key, value in envelope.parameters.items() if key in _KEPT_PARAMETERS
    }
    senders = (envelope.sender, address)
    if any(one is not None and not one.is_ascii for one in senders):
        kept["SMTPUTF8"] = None
    asked: Mapping[str, str | None] = recipient.parameters
    named = recipient.original or recipient.address
    return Envelope(envelope.sender, (Recipient(address, asked, named),), kept)


def redirect_key(scan: Scan, address: Address, sender: Address | None, transaction: str) -> str:
    """What makes two redirections one: the same message, sender and address.

    A message without an id is one only within its transaction.
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
