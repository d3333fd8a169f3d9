"""Which replies are one: the key under which an answered sender is remembered. RFC 5230 §4.2."""

from __future__ import annotations

import hashlib

from thurn_message.address import Address


def reply_handle(
    *, subject: str | None, from_: str | None, mime: bool, reason: str, handle: str | None = None
) -> str:
    """The handle of a vacation command: the one it gives, else one made of what it says.

    RFC 5230 §4.3: commands with other texts are other replies, unless a handle says otherwise.
    """
    if handle is not None:
        return f"handle {handle}"
    pieces = [subject or "", from_ or "", "mime" if mime else "text", reason]
    return "text " + "\0".join(f"{len(piece)} {piece}" for piece in pieces)


def reply_key(handle: str, sender: Address) -> str:
    """The key of one sender and one handle, short whatever they are."""
    digest = hashlib.sha256(f"{handle}\0{sender.key}".encode(errors="replace"))
    return "vacation " + digest.hexdigest()[:40]
