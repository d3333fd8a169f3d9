"""The delivery that an action of another plugin gets. Its verbs count when the action has returned.

It is for the code that carries out Sieve's actions: lend it to the action, look at what the action
asks for, then call `carry_out`. What an action that raises has asked for does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from thurn.contracts.account import AccountRecord
from thurn.contracts.delivery import Delivery
from thurn.contracts.outgoing import EntryKind
from thurn.contracts.store import AccountHandle
from thurn.types.content import Content
from thurn.types.envelope import Envelope, Recipient
from thurn.types.mailbox import INBOX, mailbox_name
from thurn.types.session import Transaction
from thurn.types.status import Status


class LentDelivery:
    """A `thurn.contracts.delivery.Delivery` that records what is asked of another one.

    Attributes:
        content: the message as the script had it at the action.
        created: the mailboxes that the action may create, by their normal names.
        sent_to: how many recipients the action sends to.
        decided: whether the action has disposed of the message.

    Args:
        delivery: the delivery that carries everything out.
        content: see above.
        remembered: the keys of `once` that earlier actions have used; this one's are added.
    """

    def __init__(self, delivery: Delivery, content: Content, remembered: set[str]) -> None:
        self._delivery = delivery
        self._remembered = remembered
        self._keys: dict[str, float] = {}
        self._verbs: list[Callable[[], None]] = []
        self.content = content
        self.created: list[str] = []
        self.sent_to = 0
        self.decided = False

    async def carry_out(self) -> None:
        """Use the verbs that were asked for, in their order."""
        for key, seconds in self._keys.items():
            await self._delivery.once(key, lifetime_seconds=seconds, renew=True)
        self._remembered.update(self._keys)
        for verb in self._verbs:
            verb()
        self._verbs.clear()

    @property
    def transaction(self) -> Transaction:
        """The transaction that brought the message."""
        return self._delivery.transaction

    @property
    def envelope(self) -> Envelope:
        """The sender, and this recipient alone."""
        return self._delivery.envelope

    @property
    def recipient(self) -> Recipient:
        """The recipient whose mail this is."""
        return self._delivery.recipient

    @property
    def detail(self) -> str | None:
        """The sub-address, if the recipient had one."""
        return self._delivery.detail

    @property
    def record(self) -> AccountRecord:
        """The account, as the directory knows it."""
        return self._delivery.record

    @property
    def account(self) -> AccountHandle:
        """The account's mailboxes, annotations and documents."""
        return self._delivery.account

    def file(
        self,
        mailbox: str,
        *,
        flags: Sequence[str] = (),
        content: Content | None = None,
        create: bool = True,
    ) -> None:
        """Store the message in a mailbox.

        Raises:
            MailboxNameRefused: the name cannot be used.
        """
        name = mailbox_name(mailbox, self._delivery.account.separator)
        if name == INBOX:
            self.keep(flags=flags, content=content)
            return
        chosen, given = self.content if content is None else content, tuple(flags)
        if create:
            self.created.append(name)
        self._decide(lambda: self._delivery.file(name, flags=given, content=chosen, create=create))

    def keep(self, *, flags: Sequence[str] = (), content: Content | None = None) -> None:
        """Store the message where the account's mail goes without rules."""
        chosen, given = self.content if content is None else content, tuple(flags)
        self._decide(lambda: self._delivery.keep(flags=given, content=chosen))

    def send(
        self, envelope: Envelope, content: Content, *, kind: EntryKind = EntryKind.REDIRECT
    ) -> None:
        """Send a message."""
        self.sent_to += len(envelope.recipients)
        self._decide(lambda: self._delivery.send(envelope, content, kind=kind))

    def reject(self, status: Status) -> None:
        """Refuse for this recipient."""
        self._decide(lambda: self._delivery.reject(status))

    def discard(self, reason: str) -> None:
        """Store nothing for this account."""
        self._decide(lambda: self._delivery.discard(reason))

    async def once(self, key: str, *, lifetime_seconds: float, renew: bool = False) -> bool:
        """Whether this is the first time for this account and key."""
        is_first = key not in self._keys and key not in self._remembered
        is_first = is_first and not await self._delivery.account.seen(key)
        if is_first or renew:
            self._keys[key] = lifetime_seconds
        return is_first

    def after_commit(self, action: Callable[[], None]) -> None:
        """Call `action` when everything is durable."""
        self._verbs.append(lambda: self._delivery.after_commit(action))

    def note(self, text: str) -> None:
        """Add a line to the journal."""
        self._delivery.note(text)

    def _decide(self, verb: Callable[[], None]) -> None:
        self.decided = True
        self._verbs.append(verb)
