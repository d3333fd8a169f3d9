"""Carries a script's actions out by the verbs of a delivery.

Rules of this file:
1. Verbs only record; the host commits all of them at once, before the reply.
2. What cannot be done as the script says (a name that is none, too many new mailboxes) is
   `ActionRefused`: the message is kept and the account is told. Trouble of ours passes out.
3. A redirect goes once to an address, not to oneself, and not again within `redirect_memory`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from thurn.plugin import (
    INBOX,
    Address,
    AddressError,
    Content,
    Delivery,
    Directory,
    EntryKind,
    Envelope,
    Local,
    MailboxNameRefused,
    MailboxNotFound,
    Recipient,
    mailbox_name,
    parents,
)
from thurn.plugin.sieve.lent import LentDelivery
from thurn_message.fields import find_header_end
from thurn_sieve.errors import RunError
from thurn_sieve.result import Action, Discard, Keep, Redirect, Reject, Store

from thurn_delivery_sieve.onward import is_marked, onward_envelope, redirect_key, redirected
from thurn_delivery_sieve.refusal import refusal

NOTE_CHARACTERS: Final = 200
"""Of a script's text in a line of the journal."""


class ActionRefused(Exception):
    """The script asked for what cannot be done; the text is for its owner."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one message may set off.

    Attributes:
        redirects: recipients elsewhere to whom actions may send it, or make something for them.
        creates: mailboxes that it may make.
        redirect_memory_seconds: how long a redirected message is remembered; 0: not at all.
    """

    redirects: int
    creates: int
    redirect_memory_seconds: float


class DeliveryExecutor:
    """`thurn_sieve.result.Executor` on a delivery."""

    def __init__(self, delivery: Delivery, directory: Directory, bounds: Bounds) -> None:
        self._delivery = delivery
        self._directory = directory
        self._bounds = bounds
        self._contents: dict[bytes, Content] = {}
        self._levels: set[str] = set()
        self._remembered: set[str] = set()
        self._sent_to = 0

    def content_of(self, message: bytes) -> Content:
        """The content of a message as some line of the script had it; equal ones are one object."""
        original = self._delivery.content
        octets = original.scan.content
        if message is octets or message == octets or not message:
            return original
        found = self._contents.get(message)
        if found is None:
            if message.endswith(octets):  # fields were put above it: the body stays shared
                found = original.prepend(message[: -len(octets)])
            else:
                found = Content.of(message)
            self._contents[message] = found
        return found

    async def keep(self, action: Keep) -> None:
        """File where ordinary mail goes."""
        self._delivery.keep(flags=action.flags, content=self.content_of(action.message))

    async def store(self, action: Store) -> None:
        """File into the mailbox; it is created if it is missing."""
        name = await self._name(action)
        content = self.content_of(action.message)
        if name == INBOX:
            self._delivery.keep(flags=action.flags, content=content)
            return
        await self._count_creates(name)
        self._delivery.file(name, flags=action.flags, content=content)

    async def _name(self, action: Store) -> str:
        account = self._delivery.account
        # RFC 9042 §4.1, RFC 8579 §5: id first, then special use, then the name.
        if action.mailboxid or action.special_use:
            wanted = (action.special_use or "").lower()
            for record in await account.mailboxes():
                if record.id == action.mailboxid or (
                    wanted and any(use.lower() == wanted for use in record.special_use)
                ):
                    return record.name
        try:
            return mailbox_name(action.mailbox, account.separator)
        except MailboxNameRefused:
            shown = action.mailbox[:NOTE_CHARACTERS]
            raise ActionRefused(f'"{shown}" cannot be the name of a mailbox') from None

    async def _count_creates(self, name: str) -> None:
        """Raise ActionRefused past the bound; mailboxes are looked up only near it."""
        account = self._delivery.account
        self._levels.update([*parents(name, account.separator), name])
        if len(self._levels) <= self._bounds.creates:
            return
        missing = 0
        for level in self._levels:
            try:
                await account.mailbox(level)
            except MailboxNotFound:
                missing += 1
        if missing > self._bounds.creates:
            raise ActionRefused(f"one message may make {self._bounds.creates} mailboxes at most")

    async def redirect(self, action: Redirect) -> bool:
        """Send on; False: ignored, since it would come back. RFC 5228 §4.2."""
        delivery = self._delivery
        try:
            address = Address.parse(action.address)
        except AddressError as error:
            raise ActionRefused(f"redirect to {action.address[:80]}: {error.reason}") from None
        content = self.content_of(action.message)
        me = delivery.record.address or delivery.recipient.address
        if await self._is_here(address):
            delivery.note(f"redirect to {address}: ignored, that is this account")
            return False
        if is_marked(content.scan, me):
            # RFC 5228 §10: loops are found by what the redirecting side has left in the message.
            delivery.note(f"redirect to {address}: ignored, it is a loop")
            return False
        if not await self._is_first(content, address):
            delivery.note(f"redirect to {address}: done before")
            delivery.discard("redirected before")
            return True
        envelope = onward_envelope(delivery.envelope, delivery.recipient, address)
        self._sent_to += 1
        delivery.send(envelope, redirected(content, me))
        return True

    async def _is_here(self, address: Address) -> bool:
        record = self._delivery.record
        own = {one.key for one in record.addresses} | {self._delivery.recipient.address.key}
        if address.key in own:
            return True
        known = await self._directory.resolve(address)
        return isinstance(known, Local) and known.account == record.account

    async def _is_first(self, content: Content, address: Address) -> bool:
        delivery = self._delivery
        lifetime = self._bounds.redirect_memory_seconds
        if lifetime <= 0:
            return True
        sender = delivery.envelope.sender
        key = redirect_key(content.scan, address, sender, delivery.transaction.id)
        return await delivery.once(key, lifetime_seconds=lifetime)

    async def discard(self, action: Discard) -> None:
        """Drop it for this account."""
        self._delivery.discard("by the script")

    async def reject(self, action: Reject) -> bool:
        """Refuse with a reply in the protocol: final delivery happens before the reply."""
        self._delivery.reject(refusal(action.reason))
        return True

    async def send(
        self, envelope_from: str | None, recipients: Sequence[str], message: bytes
    ) -> None:
        """Hand over a message that the engine made."""
        sender = Address.parse(envelope_from) if envelope_from else None
        targets = tuple(Recipient(Address.parse(one)) for one in recipients)
        parameters: dict[str, str | None] = {}
        header = message[: find_header_end(message, 0, len(message))]
        # RFC 6531 §3.4, RFC 6152 §3: what the next hop must be able to take.
        if not header.isascii() or any(not one.address.is_ascii for one in targets):
            parameters["SMTPUTF8"] = None
        if not message.isascii():
            parameters["BODY"] = "8BITMIME"
        envelope = Envelope(sender, targets, parameters)
        self._delivery.send(envelope, Content.of(message), kind=EntryKind.REPLY)

    async def lend_delivery(
        self, message: bytes, act: Callable[[Delivery], Awaitable[None]]
    ) -> bool:
        """Let an action of another plugin use the verbs.

        Args:
            message: as the script had it at the action.
            act: the action.

        Returns:
            Whether it has disposed of the message.

        Raises:
            ActionRefused: the action cannot be done; it has done nothing.
        """
        lent = LentDelivery(self._delivery, self.content_of(message), self._remembered)
        try:
            await act(lent)
        except RunError as error:
            raise ActionRefused(str(error)) from error
        except MailboxNameRefused as error:
            raise ActionRefused("that cannot be the name of a mailbox") from error
        # RFC 5228 §10: more is a mail exploder, whoever's action it is.
        if lent.sent_to and self._sent_to + lent.sent_to > self._bounds.redirects:
            raise ActionRefused(f"one message may go on to {self._bounds.redirects} addresses")
        for name in lent.created:
            await self._count_creates(name)
        self._sent_to += lent.sent_to
        await lent.carry_out()
        return lent.decided

    async def notify(self, action: Action) -> None:
        """No method but mail, which the engine sends itself."""
        self._delivery.note("notify: no such method here")

    async def mark_duplicate(self, key: str, seconds: int, *, last: bool) -> None:
        """Remember an id of `duplicate`."""
        await self._delivery.once(key, lifetime_seconds=seconds, renew=last)

    async def mark_vacation(self, key: str, seconds: int) -> bool:
        """Remember who was answered; False if another delivery has done so meanwhile."""
        return await self._delivery.once(key, lifetime_seconds=seconds)
