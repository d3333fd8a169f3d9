"""The trace field that every hop adds. RFC 5321 §4.4, RFC 3848, RFC 6531 §3.7.3."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from thurn_message.date import format_date

from thurn.types.session import PeerAddress, Session, Transaction

RECEIVED_LIMIT: Final = 100
"""Most Received fields of a message; with more it counts as one that goes in a loop. RFC 5321 §6.3
wants at least 100."""
HELLO_CHARACTERS: Final = 255
"""Most characters of the peer's own name in the field; a domain name is not longer."""


@lru_cache(1024)
def peer_text(peer: PeerAddress | None) -> str:
    """The peer's address as text; "local" if it has none."""
    return str(peer or "local")


def received(transaction: Transaction, hostname: str, now: float) -> bytes:
    """The Received field of this hop, CRLF-ended."""
    session = transaction.session
    peer = peer_text(session.peer)
    if ":" in peer:
        peer = f"IPv6:{peer}"
    single = str(transaction.recipients[0].address) if len(transaction.recipients) == 1 else ""
    whom = f"\r\n\tfor <{single}>" if 0 < len(single) < 500 else ""
    return (
        f"Received: from {_printable(session.hello)} ([{peer}])\r\n"
        f"\tby {hostname} with {_protocol(session, transaction)} id {transaction.id}{whom};\r\n"
        f"\t{_date(int(now))}\r\n"
    ).encode()


def _protocol(session: Session, transaction: Transaction) -> str:
    """RFC 3848: ESMTP, then S for TLS and A for AUTH; UTF8SMTP where SMTPUTF8 was asked for."""
    lmtp = session.protocol == "lmtp"
    if "SMTPUTF8" in transaction.parameters:
        base = "UTF8LMTP" if lmtp else "UTF8SMTP"
    elif lmtp:
        base = "LMTP"
    elif session.extended:
        base = "ESMTP"
    else:
        return "SMTP"
    secured = "S" if session.tls is not None else ""
    authenticated = "A" if session.identity is not None else ""
    return base + secured + authenticated


@lru_cache(4)
def _date(second: int) -> str:
    return format_date(float(second))


@lru_cache(64)
def _printable(hello: str) -> str:
    """The peer's own name, without characters that could end the field or a comment."""
    if hello.isascii() and hello.isalnum():
        return hello
    text = "".join(c if "!" <= c <= "~" and c not in "()\\;" else "?" for c in hello)
    return text[:HELLO_CHARACTERS] or "unknown"
