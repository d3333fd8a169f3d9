"""Carries the actions of scripts out with the verbs of a delivery.

Rules of this file:
1. Verbs only record actions; the host commits all of them at once, before the reply to the peer.
2. An action that cannot be carried out (a bad name of a mailbox, too many new mailboxes) raises
   `ActionRefused`: the message is kept, and the account gets a notice. Internal failures pass out.
3. A message is redirected to an address only once within `redirect_memory`, and never to the
   account itself.
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
"""Characters of a script's text that one line of the journal repeats."""


class ActionRefused(Exception):
    """An action of a script cannot be carried out; the text is for the script's owner."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of the actions of one message.

    Attributes:
        redirects: recipients that actions may send the message, or another one, to; answers of the
            engine do not count.
        creates: mailboxes that it may create.
        redirect_memory_seconds: how long a redirected message is remembered; 0 means not at all.
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
        """The content of a message as a script has edited it; equal messages share one object."""
        original = self._delivery.content
        octets = original.scan.content
        if message is octets or message == octets or not message:
            return original
        content = self._contents.get(message)
        if content is None:
            if message.endswith(octets):  # fields were added above it, and the body stays shared
                content = original.prepend(message[: -len(octets)])
            else:
                content = Content.of(message)
            self._contents[message] = content
        return content

    async def keep(self, action: Keep) -> None:
        """File the message in INBOX."""
        self._delivery.keep(flags=action.flags, content=self.content_of(action.message))

    async def store(self, action: Store) -> None:
        """File the message in the mailbox, which is created if it is missing."""
        name = await self._name(action)
        content = self.content_of(action.message)
        if name == INBOX:
            self._delivery.keep(flags=action.flags, content=content)
            return
        await self._count_creates(name)
        self._delivery.file(name, flags=action.flags, content=content)

    async def _name(self, action: Store) -> str:
        account = self._delivery.account
        # RFC 9042 §4.1, RFC 8579 §5: the id or the special use is used before the name.
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
            raise ActionRefused(f'a mailbox cannot have the name "{shown}"') from None

    async def _count_creates(self, name: str) -> None:
        """Raise ActionRefused if too many mailboxes would be created.

        Mailboxes are looked up only if there are more names than may be created.
        """
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
            raise ActionRefused(f"one message may create at most {self._bounds.creates} mailboxes")

    async def redirect(self, action: Redirect) -> bool:
        """Send the message on; False if it is ignored because it would come back. RFC 5228 §4.2."""
        delivery = self._delivery
        try:
            address = Address.parse(action.address)
        except AddressError as error:
            shown = action.address[:80]
            raise ActionRefused(f"{shown} is not an address: {error.reason}") from None
        content = self.content_of(action.message)
        me = delivery.record.address or delivery.recipient.address
        if await self._is_here(address):
            delivery.note(f"redirect to {address}: ignored, because it is this account's address")
            return False
        if is_marked(content.scan, me):
            # RFC 5228 §10: a loop shows by the mark that this account left in the message before.
            delivery.note(f"redirect to {address}: ignored, because it makes a loop")
            return False
        if not await self._is_first(content, address):
            delivery.note(f"redirect to {address}: this message was redirected there before")
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
        resolved = await self._directory.resolve(address)
        return isinstance(resolved, Local) and resolved.account == record.account

    async def _is_first(self, content: Content, address: Address) -> bool:
        delivery = self._delivery
        lifetime = self._bounds.redirect_memory_seconds
        if lifetime <= 0:
            return True
        sender = delivery.envelope.sender
        key = redirect_key(content.scan, address, sender, delivery.transaction.id)
        return await delivery.once(key, lifetime_seconds=lifetime)

    async def discard(self, action: Discard) -> None:
        """Discard the message for this account."""
        self._delivery.discard("by the script")

    async def reject(self, action: Reject) -> bool:
        """Refuse the message with a reply; final delivery happens before the reply to the peer."""
        self._delivery.reject(refusal(action.reason))
        return True

    async def send(
        self, envelope_from: str | None, recipients: Sequence[str], message: bytes
    ) -> None:
        """Send a message that the engine made."""
        sender = Address.parse(envelope_from) if envelope_from else None
        targets = tuple(Recipient(Address.parse(one)) for one in recipients)
        parameters: dict[str, str | None] = {}
        header = message[: find_header_end(message, 0, len(message))]
        # RFC 6531 §3.4, RFC 6152 §3: the next hop must support what the message needs.
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
            message: the message as it was when the script asked for the action.
            act: the action.

        Returns:
            Whether the action decided what happens to the message, so that no keep is needed.

        Raises:
            ActionRefused: the action cannot be carried out; it has done nothing.
        """
        lent = LentDelivery(self._delivery, self.content_of(message), self._remembered)
        try:
            await act(lent)
        except RunError as error:
            raise ActionRefused(str(error)) from error
        except MailboxNameRefused as error:
            raise ActionRefused("the action uses a name that a mailbox cannot have") from error
        # RFC 5228 §10: more recipients would make a mail exploder.
        if lent.sent_to and self._sent_to + lent.sent_to > self._bounds.redirects:
            most = self._bounds.redirects
            raise ActionRefused(f"one message may go on to at most {most} addresses")
        for name in lent.created:
            await self._count_creates(name)
        self._sent_to += lent.sent_to
        await lent.carry_out()
        return lent.decided

    async def notify(self, action: Action) -> None:
        """Note that the notification is not sent: this plugin knows no method."""
        self._delivery.note("notify: this method is not available here")

    async def mark_duplicate(self, key: str, seconds: int, *, last: bool) -> None:
        """Remember the id of a message."""
        await self._delivery.once(key, lifetime_seconds=seconds, renew=last)

    async def mark_vacation(self, key: str, seconds: int) -> bool:
        """Remember the sender who is answered; False if another delivery answers meanwhile."""
        return await self._delivery.once(key, lifetime_seconds=seconds)
