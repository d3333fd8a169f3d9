"""The delivery whose verbs the rules of an account use.

Rules of this file: a verb only records what a rule wants; nothing is carried out here, and what a
rule has recorded counts only if the rule returns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from thurn.contracts.account import AccountRecord
from thurn.contracts.outgoing import EntryKind
from thurn.contracts.store import AccountHandle, Deposit
from thurn.types.content import Content
from thurn.types.envelope import Envelope, Recipient
from thurn.types.identity import AccountId
from thurn.types.session import Transaction
from thurn.types.status import Status

_SENT_BY_RULES: Final = (EntryKind.REDIRECT, EntryKind.REPLY)


@dataclass(frozen=True, slots=True)
class Filing:
    """What one use of `file` asks for."""

    mailbox: str
    flags: tuple[str, ...]
    content: Content
    create: bool


@dataclass(frozen=True, slots=True)
class Sending:
    """What one use of `send` asks for, or a message of the host.

    Attributes:
        account: the account whose rules send it; None: the host or a plugin does.
    """

    kind: EntryKind
    envelope: Envelope
    content: Content
    account: AccountId | None = None


@dataclass(slots=True)
class RecordedDelivery:
    """One message for one account, and what its rules have asked for so far.

    Attributes:
        inbox: where `keep` files: INBOX, or the mailbox of a quarantine.
        decided: whether a verb was used that disposes of the message.
        remembered: the records of `once`, by their keys.
    """

    transaction: Transaction
    envelope: Envelope
    recipient: Recipient
    detail: str | None
    content: Content
    record: AccountRecord
    account: AccountHandle
    inbox: str = "INBOX"
    decided: bool = False
    filings: list[Filing] = field(default_factory=list)
    sendings: list[Sending] = field(default_factory=list)
    rejection: Status | None = None
    remembered: dict[str, Deposit] = field(default_factory=dict)
    actions: list[Callable[[], None]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_filed(self) -> bool:
        """Whether the rules have filed the message itself, and not only one of their own making."""
        return any(filing.content.blob is self.content.blob for filing in self.filings)

    def file(
        self,
        mailbox: str,
        *,
        flags: Sequence[str] = (),
        content: Content | None = None,
        create: bool = True,
    ) -> None:
        """See `thurn.contracts.delivery.Delivery`. The same content is filed only once into the
        same mailbox."""
        self.decided = True
        chosen = self.content if content is None else content
        for index, filing in enumerate(self.filings):
            if filing.mailbox == mailbox and filing.content is chosen:
                joined = tuple(dict.fromkeys((*filing.flags, *flags)))
                self.filings[index] = Filing(mailbox, joined, chosen, filing.create or create)
                return
        self.filings.append(Filing(mailbox, tuple(flags), chosen, create))

    def keep(self, *, flags: Sequence[str] = (), content: Content | None = None) -> None:
        """File into INBOX, or into the mailbox of a quarantine."""
        self.file(self.inbox, flags=flags, content=content)

    def send(
        self, envelope: Envelope, content: Content, *, kind: EntryKind = EntryKind.REDIRECT
    ) -> None:
        """Send a message; that disposes of it."""
        if kind not in _SENT_BY_RULES:
            raise ValueError(f"a rule sends a redirect or a reply, not {kind}")
        self.decided = True
        self.sendings.append(Sending(kind, envelope, content, self.record.account))

    def reject(self, status: Status) -> None:
        """Refuse the message for this recipient; nothing is filed then."""
        if status.code < 400:  # the peer would forget a message that was not stored
            raise ValueError(f"a refusal is 4xx or 5xx, not {status}")
        self.decided = True
        self.rejection = status

    def discard(self, reason: str) -> None:
        """Store nothing for this account."""
        self.decided = True
        self.notes.append(f"discarded: {reason}")

    async def once(self, key: str, *, lifetime_seconds: float, renew: bool = False) -> bool:
        """Whether this is the first time for this account and key."""
        first = key not in self.remembered and not await self.account.seen(key)
        if first or renew:
            self.remembered[key] = self.account.remember(key, lifetime_seconds=lifetime_seconds)
        return first

    def after_commit(self, action: Callable[[], None]) -> None:
        """Call `action` when everything is durable."""
        self.actions.append(action)

    def draft(self) -> RecordedDelivery:
        """The same delivery, for one rule. What the rule asks for counts when it has returned
        (`adopt`); a rule that fails, or that returns when nobody waits for it, changes nothing.
        """
        return replace(self, filings=[], sendings=[], actions=[], remembered=dict(self.remembered))

    def adopt(self, draft: RecordedDelivery) -> None:
        """Take over what a rule has asked for."""
        self.decided, self.rejection = draft.decided, draft.rejection
        self.filings.extend(draft.filings)
        self.sendings.extend(draft.sendings)
        self.actions.extend(draft.actions)
        self.remembered = draft.remembered

    def note(self, text: str) -> None:
        """Add a line to the journal."""
        self.notes.append(text)
