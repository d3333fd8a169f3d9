"""One copy of a message for each target of each recipient: filed, sent on, refused, or failed for
now.

Rules of this file:
1. An account that several recipients lead to is served once. If its rules have refused the message
   for one sub-address, they are asked again for another.
2. A target elsewhere is served by the queue. What a filter has put into quarantine is not sent on.
3. An error with one account is not raised: its copy has a status.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeAlias

from thurn.delivery.edits import without_fields
from thurn.delivery.local import Delivered
from thurn.types.content import Content
from thurn.types.identity import AccountId
from thurn.types.session import Target, Transaction
from thurn.types.status import QUEUED, Status

Serve: TypeAlias = Callable[[Target, AccountId, Content, str | None], Awaitable[Delivered]]
"""Delivers to one account: target, account, content, and the mailbox of a quarantine."""

_NOT_SENT_ON: Final = Status(550, "5.7.1", "The message was refused")


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """The message for one target of one recipient, and what became of it.

    Attributes:
        index: the recipient's index in the transaction.
        target: where the copy goes.
        status: success if it is served when the commit succeeds; otherwise why it is not.
        delivered: what the rules of the account want; None for targets elsewhere and repeats.
        repeats: the copy that already serves this account; None: this copy serves it.
    """

    index: int
    target: Target
    status: Status
    delivered: Delivered | None = None
    repeats: Copy | None = None

    @property
    def is_foreign(self) -> bool:
        """Whether the copy goes elsewhere, by the queue."""
        return self.target.account is None

    @property
    def served_by(self) -> Copy:
        """The copy whose deposits serve this one."""
        return self.repeats or self


def filed(content: Content) -> Content:
    """The message as accounts get it: one object for all of them, so that they share its octets.

    RFC 5321 §4.4: a delivered message has exactly one Return-Path, that of its last transaction;
    what a message has brought along may be forged.
    """
    return without_fields(content, "Return-Path")


def _is_local(target: Target) -> bool:
    return target.account is not None


async def deliver_copies(
    serve: Serve, transaction: Transaction, content: Content, quarantine: str | None
) -> tuple[Copy, ...]:
    """Run the rules of every account among the targets. Nothing is durable yet.

    Args:
        serve: delivers to one account.
        transaction: the transaction, with its targets.
        content: the message as the filters left it.
        quarantine: file into this mailbox and run no rules; None: run the rules.
    """
    copies: list[Copy] = []
    own = (
        filed(content) if any(map(_is_local, chain.from_iterable(transaction.targets))) else content
    )
    served: dict[AccountId, Copy] = {}
    for index, targets in enumerate(transaction.targets):
        for target in targets:
            account = target.account
            if account is None:
                status = QUEUED if quarantine is None else _NOT_SENT_ON
                copies.append(Copy(index, target, status))
                continue
            first = served.get(account)
            if first and (first.status.is_success or first.target.detail == target.detail):
                copies.append(Copy(index, target, first.status, repeats=first))
                continue
            delivered = await serve(target, account, own, quarantine)
            served[account] = Copy(index, target, delivered.status, delivered)
            copies.append(served[account])
    return tuple(copies)
