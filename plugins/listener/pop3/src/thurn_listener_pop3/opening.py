"""From a login to an open maildrop: the lock, the snapshot, the login delay, in this order.

Rules of this file:
1. Only a login that ends in an open maildrop counts for the login delay.
2. A failure leaves no lock behind.
"""

from __future__ import annotations

import hashlib

from thurn.plugin import Identity, Session
from thurn_wire.pop3.maildrop import Maildrop
from thurn_wire.pop3.reply import ResponseCode

from thurn_listener_pop3.maildrop import OpenMaildrop, columns
from thurn_listener_pop3.parts import Pop3Parts
from thurn_listener_pop3.refusal import LoginRefused


async def open_maildrop(
    parts: Pop3Parts, session: Session, identity: Identity
) -> tuple[OpenMaildrop, Maildrop]:
    """The maildrop of this identity, and its columns.

    Raises:
        LoginRefused: another session has it, or the last login was just now.
        ThurnError: the store cannot open it.
    """
    settings, locks = parts.settings, parts.locks
    key = _key(f"{identity.account}\0{settings.mailbox}")
    # RFC 1939 §4: the lock comes first, and the reply after it.
    if locks is not None and not await locks.acquire(key, session.id):
        raise LoginRefused("another session has the maildrop", ResponseCode.IN_USE)
    is_open = False
    try:
        account = await parts.context.open_account(identity.account, identity)
        mailbox = await account.mailbox(settings.mailbox)
        view = await mailbox.view()
        await _check_delay(parts, identity)
        is_open = True
        return OpenMaildrop(mailbox, view, key), columns(view)
    finally:
        if not is_open and locks is not None:
            await locks.release(key)


async def leave_maildrop(parts: Pop3Parts, maildrop: OpenMaildrop) -> None:
    """Let other sessions open it. Idempotent."""
    if parts.locks is not None:
        await parts.locks.release(maildrop.key)


async def _check_delay(parts: Pop3Parts, identity: Identity) -> None:
    delay_seconds = parts.settings.login_delay
    if parts.delays is None or delay_seconds is None:
        return
    key = _key(identity.account)
    if not await parts.delays.add(key, b"", lifetime_seconds=delay_seconds):
        # RFC 2449 §8.1.1. A login that came too soon does not begin the delay anew.
        text = f"one login every {delay_seconds:.0f} seconds, please"
        raise LoginRefused(text, ResponseCode.LOGIN_DELAY)


def _key(name: str) -> str:
    """A key of bounded length that shows no name to those who read the table."""
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
