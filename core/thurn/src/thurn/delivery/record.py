"""The object that delivery rules act on.

Rules of this file: a verb only records what is wanted; nothing is carried out here, and what a rule
has recorded counts only if the rule returns.
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
    """A `file` verb."""

    mailbox: str
    flags: tuple[str, ...]
    content: Content
    create: bool


@dataclass(frozen=True, slots=True)
class Sending:
    """A `send` verb, or a message of the host: what is sent, and on whose behalf.

    Attributes:
        account: whose rules sent it; None: the host or a plugin.
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
        decided: a verb was used.
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

    def file(
        self,
        mailbox: str,
        *,
        flags: Sequence[str] = (),
        content: Content | None = None,
        create: bool = True,
    ) -> None:
        """See `thurn.contracts.delivery.Delivery`; equal mailboxes with equal content are one."""
        self.decided = True
        chosen = self.content if content is None else content
        for index, filing in enumerate(self.filings):
            if filing.mailbox == mailbox and filing.content is chosen:
                joined = tuple(dict.fromkeys((*filing.flags, *flags)))
                self.filings[index] = Filing(mailbox, joined, chosen, filing.create or create)
                return
        self.filings.append(Filing(mailbox, tuple(flags), chosen, create))

    def keep(self, *, flags: Sequence[str] = (), content: Content | None = None) -> None:
        """File where ordinary mail goes."""
        self.file(self.inbox, flags=flags, content=content)

    def send(
        self, envelope: Envelope, content: Content, *, kind: EntryKind = EntryKind.REDIRECT
    ) -> None:
        """Send a message; it counts as decided."""
        if kind not in _SENT_BY_RULES:
            raise ValueError(f"a rule sends a redirect or a reply, not {kind}")
        self.decided = True
        self.sendings.append(Sending(kind, envelope, content, self.record.account))

    def reject(self, status: Status) -> None:
        """Refuse for this recipient; what was filed is dropped."""
        if status.code < 400:  # the peer would forget a message that nobody has
            raise ValueError(f"a refusal is 4xx or 5xx, not {status}")
        self.decided = True
        self.rejection = status

    def discard(self, reason: str) -> None:
        """Drop the message for this account."""
        self.decided = True
        self.notes.append(f"discarded: {reason}")

    async def once(self, key: str, *, lifetime_seconds: float, renew: bool = False) -> bool:
        """True the first time for this account and key."""
        first = key not in self.remembered and not await self.account.seen(key)
        if first or renew:
            self.remembered[key] = self.account.remember(key, lifetime_seconds=lifetime_seconds)
        return first

    def after_commit(self, action: Callable[[], None]) -> None:
        """Call this when everything is durable."""
        self.actions.append(action)

    def turn(self) -> RecordedDelivery:
        """The same delivery as one rule sees it. What the rule asks for counts once it has returned
        (`adopt`): one that fails, or that comes back when nobody waits any more, changes nothing.
        """
        return replace(self, filings=[], sendings=[], actions=[], remembered=dict(self.remembered))

    def adopt(self, turn: RecordedDelivery) -> None:
        """Take over what a rule has asked for."""
        self.decided, self.rejection = turn.decided, turn.rejection
        self.filings.extend(turn.filings)
        self.sendings.extend(turn.sendings)
        self.actions.extend(turn.actions)
        self.remembered = turn.remembered

    def note(self, text: str) -> None:
        """A line for the journal."""
        self.notes.append(text)
