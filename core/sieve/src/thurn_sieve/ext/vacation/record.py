"""The key under which a sender who got a certain answer is remembered. RFC 5230 §4.2."""

from __future__ import annotations

import hashlib

from thurn_message.address import Address


def reply_handle(
    *, subject: str | None, from_: str | None, mime: bool, reason: str, handle: str | None = None
) -> str:
    """The handle of a vacation command: its own, or else one that is made of its arguments.

    Commands with different arguments give different answers, unless they have the same handle.

    RFC 5230 §4.2.
    """
    if handle is not None:
        return f"handle {handle}"
    pieces = [subject or "", from_ or "", "mime" if mime else "text", reason]
    return "text " + "\0".join(f"{len(piece)} {piece}" for piece in pieces)


def reply_key(handle: str, sender: Address) -> str:
    """The key of a sender and a handle; its length does not depend on them."""
    digest = hashlib.sha256(f"{handle}\0{sender.key}".encode(errors="replace"))
    return "vacation " + digest.hexdigest()[:40]
