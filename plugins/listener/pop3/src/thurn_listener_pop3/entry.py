"""From a login to an open maildrop: the lock, the snapshot, the login delay, in this order.

Rules of this file:
1. Only a login that ends in an open maildrop counts for the login delay.
2. Whatever fails leaves no lock behind.
"""

from __future__ import annotations

import hashlib

from thurn.plugin import Identity, ListenerContext, Session, Table
from thurn_kit.spool import Spool
from thurn_wire.pop3.maildrop import Maildrop
from thurn_wire.pop3.reply import ResponseCode

from thurn_listener_pop3.lock import MaildropLocks
from thurn_listener_pop3.maildrop import OpenMaildrop, columns
from thurn_listener_pop3.refusal import LoginRefused
from thurn_listener_pop3.settings import Pop3Settings


class Entry:
    """Opens and leaves maildrops for the sessions of one listener.

    Args:
        locks: only where a maildrop has one session at a time.
        delays: where the last logins are kept; only with a login delay.

    Attributes:
        spool: large messages on their way out.
    """

    __slots__ = ("_context", "_delays", "_locks", "_settings", "spool")

    def __init__(
        self,
        settings: Pop3Settings,
        context: ListenerContext,
        locks: MaildropLocks | None,
        delays: Table | None,
    ) -> None:
        self._settings = settings
        self._context = context
        self._locks = locks
        self._delays = delays
        self.spool = Spool(context.data / "tmp")

    async def open(self, session: Session, identity: Identity) -> tuple[OpenMaildrop, Maildrop]:
        """The maildrop of this identity, and its columns.

        Raises:
            LoginRefused: another session has it, or the last login was just now.
            ThurnError: the store cannot open it.
        """
        key = _key(f"{identity.account}\0{self._settings.mailbox}")
        # RFC 1939 §4: the lock comes first, and the reply after it.
        if self._locks is not None and not await self._locks.acquire(key, session.id):
            text = "another session has the maildrop"
            raise LoginRefused(text, ResponseCode.IN_USE)
        entered = False
        try:
            account = await self._context.open_account(identity.account, identity)
            mailbox = await account.mailbox(self._settings.mailbox)
            view = await mailbox.view()
            await self._check_delay(identity)
            entered = True
            return OpenMaildrop(mailbox, view, key), columns(view)
        finally:
            if not entered and self._locks is not None:
                await self._locks.release(key)

    async def leave(self, maildrop: OpenMaildrop) -> None:
        """Others may open it. Idempotent."""
        if self._locks is not None:
            await self._locks.release(maildrop.key)

    async def _check_delay(self, identity: Identity) -> None:
        delay_seconds = self._settings.login_delay
        if self._delays is None or delay_seconds is None:
            return
        key = _key(identity.account)
        if not await self._delays.add(key, b"", lifetime_seconds=delay_seconds):
            # RFC 2449 §8.1.1. A login that came too soon does not begin the delay anew.
            text = f"one login every {delay_seconds:.0f} seconds, please"
            raise LoginRefused(text, ResponseCode.LOGIN_DELAY)


def _key(name: str) -> str:
    """A key of bounded length that shows no names to whoever reads the table."""
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()
