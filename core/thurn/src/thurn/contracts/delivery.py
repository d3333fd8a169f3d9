"""Delivery filters decide where a message goes for one account; Sieve is one.

`deliver` uses the verbs; the host records them and carries them out in the transaction's one
commit, before the reply. A filter that uses no verb leaves the message to the next one; when no
filter has used one, the message is kept in INBOX. A filter that raises is a temporary failure.
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
        """The transaction it came by."""

    @property
    def envelope(self) -> Envelope:
        """Sender, and this recipient alone."""

    @property
    def recipient(self) -> Recipient:
        """The recipient that led here."""

    @property
    def detail(self) -> str | None:
        """The sub-address, if the recipient had one."""

    @property
    def content(self) -> Content:
        """The message with its trace fields."""

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
        """Store the message there; equal mailboxes are filed once, flags joined."""

    def keep(self, *, flags: Sequence[str] = (), content: Content | None = None) -> None:
        """`file("INBOX")`, or the mailbox of a quarantine."""

    def send(
        self, envelope: Envelope, content: Content, *, kind: EntryKind = EntryKind.REDIRECT
    ) -> None:
        """Send a message: to an account of ours it is delivered in the same commit, to elsewhere it
        goes by the queue.

        Args:
            envelope: of the message sent.
            content: the message itself with whatever was put above it, or a new one.
            kind: `REDIRECT`: this message, sent on; `REPLY`: a new message of the account's own.
                What signs our own mail goes by it.

        Raises:
            ValueError: another kind.
        """

    def reject(self, status: Status) -> None:
        """Refuse for this recipient: a reply where the protocol can, else a report."""

    def discard(self, reason: str) -> None:
        """Drop the message for this account; the journal keeps the reason."""

    async def once(self, key: str, *, lifetime_seconds: float, renew: bool = False) -> bool:
        """True the first time for this account and key; remembered in the same commit.

        With `renew` the lifetime starts anew although the key is remembered (RFC 7352 §3 `:last`).
        """

    def after_commit(self, action: Callable[[], None]) -> None:
        """Call this when everything is durable; it must not raise."""

    def note(self, text: str) -> None:
        """A line for the journal ("rule 3 matched")."""


class DeliveryFilter(Protocol):
    """Decides for one account."""

    async def deliver(self, delivery: Delivery) -> None:
        """Use the verbs, or none."""
