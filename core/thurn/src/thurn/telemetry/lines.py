"""The lines of the operator's log about mail: one for each thing that happened to a message.

Rules of this file:
1. Only a permanent refusal is "refused". What was answered 4xx is "deferred", whoever has failed,
   so that a program that bans addresses by these lines never bans for a failure here.
2. What the host knows comes before what the peer has said; `thurn.telemetry.log` escapes both.
3. The journal explains what happened; these lines say who, what and where, for programs that read
   logs. `docs/reference/events.md` describes them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from thurn.contracts.context import Diagnostics
from thurn.types.address import Address
from thurn.types.identity import AccountId
from thurn.types.session import Session, Transaction
from thurn.types.status import Status

HELLO_CHARACTERS: Final = 255
"""Longest part of the peer's own name in a line; a domain name is not longer."""
ACCEPTED_EVENT: Final = "message.accepted"
DELIVERED_EVENT: Final = "message.delivered"
MESSAGE_EVENTS: Final = ("message.deferred", "message.refused")
RECIPIENT_EVENTS: Final = ("recipient.deferred", "recipient.refused")
SESSION_EVENTS: Final = ("session.deferred", "session.refused")
"""Refusals: the event for a temporary one, and the one for good."""


def who(session: Session) -> dict[str, object]:
    """The fields of a line about a session, in their order: none of them is the peer's choice."""
    facts: dict[str, object] = {"peer": str(session.peer or "local")}
    if session.identity is not None:
        facts["account"] = session.identity.account
        facts["login_name"] = session.identity.authcid
    facts["listener"] = session.listener
    facts["session"] = session.id
    return facts


@dataclass(frozen=True, slots=True)
class MailLines:
    """Writes the lines that the site wants.

    Attributes:
        wanted: "accepted", "refused", "deferred", "delivered".
    """

    diagnostics: Diagnostics
    wanted: frozenset[str]

    def accepted(
        self, transaction: Transaction, status: Status, outcome: str, size_octets: object
    ) -> None:
        """A message was taken."""
        if "accepted" in self.wanted:
            self.diagnostics.info(
                ACCEPTED_EVENT,
                **who(transaction.session),
                transaction=transaction.id,
                code=status.code,
                outcome=outcome,
                size_octets=size_octets,
                recipients=len(transaction.recipients),
                sender=str(transaction.sender or ""),
            )

    def refused(
        self, transaction: Transaction, status: Status, reason: str, size_octets: object
    ) -> None:
        """A message was refused, at MAIL or at its end."""
        count, sender = len(transaction.recipients), str(transaction.sender or "")
        facts = {"recipients": count, "size_octets": size_octets, "sender": sender}
        self._refused(MESSAGE_EVENTS, transaction.session, transaction.id, status, reason, **facts)

    def recipient_refused(
        self, transaction: Transaction, recipient: Address, status: Status, reason: str
    ) -> None:
        """A recipient was refused, at RCPT or at the end of the message (LMTP)."""
        facts = {"sender": str(transaction.sender or ""), "recipient": str(recipient)}
        self._refused(
            RECIPIENT_EVENTS, transaction.session, transaction.id, status, reason, **facts
        )

    def session_refused(self, session: Session, status: Status, reason: str) -> None:
        """A peer was refused at connection or hello."""
        self._refused(SESSION_EVENTS, session, "", status, reason)

    def delivered(
        self, transaction: Transaction, recipient: Address, account: AccountId, mailbox: str
    ) -> None:
        """A message is in a mailbox, durably."""
        self.diagnostics.info(
            DELIVERED_EVENT,
            account=account,
            listener=transaction.session.listener,
            session=transaction.session.id,
            transaction=transaction.id,
            mailbox=mailbox,
            sender=str(transaction.sender or ""),
            recipient=str(recipient),
        )

    def _refused(
        self,
        events: tuple[str, str],
        session: Session,
        transaction: str,
        status: Status,
        reason: str,
        **facts: object,
    ) -> None:
        event = events[status.is_permanent]
        if event.rpartition(".")[2] in self.wanted:
            named = {"transaction": transaction} if transaction else {}
            self.diagnostics.info(
                event,
                **who(session),
                **named,
                code=status.code,
                reason=reason,
                **facts,
                hello=session.hello[:HELLO_CHARACTERS],
            )
