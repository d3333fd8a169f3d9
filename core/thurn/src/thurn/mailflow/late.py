"""Remembers messages whose commit went on when their peers were told to come again.

Such a peer sends the same message again, in a new transaction with a new id. By then it is known
what has become of the first: if it was stored, the repeat is answered as the first would have been,
and nothing is stored twice.

Rules of this file:
1. A message is the same if its octets, its sender and its recipients are, and its kind of answer.
2. It costs nothing while no commit was late. What is remembered is bounded in number and age.
3. Each worker remembers its own: a repeat that comes to another worker is stored twice. Mail may be
   doubled, but it is never lost.
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
"""Most messages that are remembered; each kept a commit waiting for two minutes."""
LATE_SECONDS: Final = 5 * 86_400.0
"""How long a message is remembered: as long as peers try again (RFC 5321 §4.5.4.1: 4-5 days)."""


class LateCommits:
    """The late messages of one listener in one worker; false when there is none."""

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
        """The receipt of a message that was stored meanwhile; None: it has to be delivered.

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
    """What makes a message the same.

    Args:
        sender: as the peer gave it, whatever filters have made of it.
        transaction: with its recipients.
        blob: the octets that have come.
        replies: the kind of answer.
    """
    digest = hashlib.blake2b(blob.read(), digest_size=32)
    names = [str(sender or ""), replies]
    names += [str(recipient.address) for recipient in transaction.recipients]
    digest.update("\0".join(names).encode())
    return digest.digest()
