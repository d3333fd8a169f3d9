"""Delivery filters decide where a message goes for one account; Sieve is one of them.

`deliver` uses the verbs; the host records them and carries them out in the transaction's one
commit, before the reply. A filter that uses no verb leaves the message to the next one; if no
filter has used a verb, the message is kept in INBOX. If a filter raises, the recipient is answered
4xx.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from thurn.contracts.account import AccountRecord
from thurn.contracts.outgoing import EntryKind
from thurn.contracts.store import AccountHandle
from thurn.types.content import Content
from thurn.types.envelope import Envelope, Recipient
from thurn.types.session import Transaction
from thurn.types.status import Status


class Delivery(Protocol):
    """One message for one account."""

    @property
    def transaction(self) -> Transaction:
        """The transaction that brought the message."""

    @property
    def envelope(self) -> Envelope:
        """The sender, and this recipient alone."""

    @property
    def recipient(self) -> Recipient:
        """The recipient whose mail this is."""

    @property
    def detail(self) -> str | None:
        """The sub-address, if the recipient had one."""

    @property
    def content(self) -> Content:
        """The message, with its trace fields."""

    @property
    def record(self) -> AccountRecord:
        """The account, as the directory knows it."""

    @property
    def account(self) -> AccountHandle:
        """The account's mailboxes, annotations and documents (scripts)."""

    def file(
        self,
        mailbox: str,
        *,
        flags: Sequence[str] = (),
        content: Content | None = None,
        create: bool = True,
    ) -> None:
        """Store the message in a mailbox. Filing into the same mailbox again stores no second copy;
        the flags are joined.

        Args:
            mailbox: its name.
            flags: the flags of the copy.
            content: the message with edits of its header; None: as it is.
            create: create the mailbox if it is missing.
        """

    def keep(self, *, flags: Sequence[str] = (), content: Content | None = None) -> None:
        """Store the message in INBOX, or in the mailbox that a filter's `Quarantine` names."""

    def send(
        self, envelope: Envelope, content: Content, *, kind: EntryKind = EntryKind.REDIRECT
    ) -> None:
        """Send a message. For an account here it is delivered in the same commit; for elsewhere it
        is queued.

        Args:
            envelope: the envelope of the message that is sent.
            content: this message with whatever was put above it, or a new one.
            kind: `REDIRECT`: this message is sent on; `REPLY`: a new message of the account's own.
                What signs the site's own mail looks at it.

        Raises:
            ValueError: the kind is another one.
        """

    def reject(self, status: Status) -> None:
        """Refuse the message for this recipient: by the reply if the protocol can say so for one
        recipient, otherwise by a report."""

    def discard(self, reason: str) -> None:
        """Store nothing for this account; the journal keeps the reason."""

    async def once(self, key: str, *, lifetime_seconds: float, renew: bool = False) -> bool:
        """Whether this is the first time for this account and key; the key is remembered in the
        same commit.

        With `renew` the lifetime starts again each time (RFC 7352 §3 `:last`).
        """

    def after_commit(self, action: Callable[[], None]) -> None:
        """Call `action` when everything is durable. It must not raise."""

    def note(self, text: str) -> None:
        """Add a line to the journal, such as "rule 3 matched"."""


class DeliveryFilter(Protocol):
    """Decides what happens to messages for an account."""

    async def deliver(self, delivery: Delivery) -> None:
        """Decide about one message, by the verbs of `delivery` or by using none."""
