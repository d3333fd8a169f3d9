"""Remembers messages whose commit still went on when their peers were answered 451.

Such a peer sends the same message again, in a new transaction with a new id. By then the first
commit has ended, mostly: if the message was stored, the repeat gets the answer that the first would
have got, and nothing is stored twice.

Rules of this file:
1. Two messages are the same if their octets, senders and recipients are equal, and the kind of
   answer is.
2. As long as no commit is late, nothing is computed. The memory is bounded in number and age.
3. Each worker has a memory of its own, so a repeat that comes to another worker is stored a second
   time. Mail may be doubled, but it is never lost.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Final

from thurn.contracts.clock import Clock
from thurn.delivery.deliver import LateReceipt, Receipt
from thurn.delivery.disposition import Replies
from thurn.types.address import Address
from thurn.types.content import Blob
from thurn.types.errors import TemporaryFailure
from thurn.types.session import Transaction

LATE_LIMIT: Final = 256
"""Most messages that are remembered: the commit of each took more than two minutes, so there are
few of them."""
LATE_SECONDS: Final = 5 * 86_400.0
"""Seconds for which a message is remembered: peers try again for so long (RFC 5321 §4.5.4.1: 4-5
days)."""


class LateCommits:
    """The late messages of one listener in one worker; false if there are none."""

    __slots__ = ("_clock", "_messages")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._messages: OrderedDict[bytes, tuple[float, LateReceipt]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._messages)

    def add(self, key: bytes, late: LateReceipt) -> None:
        """Remember a message whose commit goes on."""
        self._messages[key] = (self._clock.monotonic(), late)
        if len(self._messages) > LATE_LIMIT:
            self._messages.popitem(last=False)

    def find(self, key: bytes) -> Receipt | None:
        """The receipt of a message that has been stored by now; None: it has to be delivered.

        Raises:
            TemporaryFailure: its first commit still goes on.
        """
        when, late = self._messages.get(key, (0.0, None))
        if late is None:
            return None
        if late.fate.stored is None:
            raise TemporaryFailure("the first commit of this message still goes on")
        if late.fate.stored and self._clock.monotonic() - when <= LATE_SECONDS:
            return late.receipt
        del self._messages[key]
        return None


def key_of(sender: Address | None, transaction: Transaction, blob: Blob, replies: Replies) -> bytes:
    """A hash by which the same message is recognised.

    Args:
        sender: as the peer gave it, before any filter changed it.
        transaction: the transaction, for its recipients.
        blob: the octets that the peer sent.
        replies: the kind of answer.
    """
    digest = hashlib.blake2b(blob.read(), digest_size=32)
    names = [str(sender or ""), replies]
    names += [str(recipient.address) for recipient in transaction.recipients]
    digest.update("\0".join(names).encode())
    return digest.digest()
