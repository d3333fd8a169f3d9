"""A mail flow without a site: it answers what a test says, and keeps what a listener did with it.

    mailflow = FakeMailflow()
    mailflow.say("bob@example.org", Tempfail("later"))   # at RCPT
    mailflow.say("message", Reject("words.refused"))     # at the end of data

Rules of this file:
1. What a test says nothing about is accepted.
2. Whatever a listener does against `thurn.contracts.mailflow` is kept in `faults`, in words.
3. `thurn_testing.contracts.mailflow` checks it like the host's own mail flow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final, Literal, TypeAlias

import trio
from thurn.contracts.mailflow import Outcome
from thurn.types.address import Address
from thurn.types.content import Blob
from thurn.types.decision import Accept, Disconnect, Refusal, Reject, Tempfail
from thurn.types.envelope import Recipient
from thurn.types.session import Session, Target, Transaction
from thurn.types.status import OK, Status

from thurn_testing.fakes.session import RecordingEntry

Reply: TypeAlias = Accept | Disconnect | Reject | Tempfail
Stage: TypeAlias = Literal["connect", "hello", "sender", "recipient", "message"]

SIZE_LIMIT_OCTETS: Final = 5 * 2**20
"""The largest message that is accepted, in octets: several times `SPILL_OCTETS`."""
_PIECE_OCTETS: Final = 65_536


@dataclass(frozen=True, slots=True)
class TakenMessage:
    """A message that a listener handed in.

    Attributes:
        recipients: those accepted, in order.
        octets: the content; empty where it is in a file.
        size_octets: its length.
        digest: SHA-256 of the content.
        is_file: the listener has put it into a file.
        replies: how the listener wants to be answered.
    """

    sender: Address | None
    recipients: tuple[Address, ...]
    octets: bytes
    size_octets: int
    digest: bytes
    is_file: bool
    replies: str


def _taken(transaction: Transaction, blob: Blob, replies: str) -> TakenMessage:
    octets, digest = b"", hashlib.sha256()
    if blob.path is None:
        octets = blob.read()
        digest.update(octets)
    else:
        with blob.path.open("rb") as file:
            while piece := file.read(_PIECE_OCTETS):
                digest.update(piece)
    return TakenMessage(
        transaction.sender,
        tuple(one.address for one in transaction.recipients),
        octets,
        blob.size_octets,
        digest.digest(),
        blob.path is not None,
        replies,
    )


class FakeMailflow:
    """A `thurn.contracts.mailflow.Mailflow`.

    Attributes:
        calls: the stage and the subject of each call, in order.
        messages: what was handed in, in order.
        refused: reasons for which the listener refused contents.
        faults: what the listener did against the contract.
        statuses: answers to messages for replies="each", one per recipient, in place of "message".
        holds: whether `message` waits until `release`.
        held: `message` waits.
    """

    def __init__(self, size_limit_octets: int = SIZE_LIMIT_OCTETS) -> None:
        self.size_limit_octets = size_limit_octets
        self.calls: list[tuple[Stage, str]] = []
        self.messages: list[TakenMessage] = []
        self.refused: list[str] = []
        self.faults: list[str] = []
        self.statuses: Sequence[Status] = ()
        self.holds = False
        self.held = False
        self._replies: dict[str, Reply | Exception] = {}
        self._open: dict[str, Transaction] = {}
        self._released = trio.Event()
        self._numbers = count(1)

    def say(self, subject: str, reply: Reply | Exception) -> None:
        """Answer this from now on.

        Args:
            subject: a stage, or the address of a recipient.
            reply: the answer; an exception is raised, which no mail flow of the host does.
        """
        self._replies[subject] = reply

    def forget(self) -> None:
        """Accept everything again."""
        self._replies.clear()
        self.statuses = ()

    def release(self) -> None:
        """Let the message go on that is held."""
        self._released.set()

    @property
    def open_transactions(self) -> int:
        """Transactions that were neither answered nor refused nor abandoned."""
        return len(self._open)

    async def connect(self, session: Session) -> Reply:
        """Before the greeting."""
        return await self._reply("connect", str(session.peer))

    async def hello(self, session: Session, name: str) -> Reply:
        """At each hello."""
        session.hello = name
        return await self._reply("hello", name)

    async def sender(
        self, session: Session, sender: Address | None, parameters: Mapping[str, str | None]
    ) -> Transaction | Refusal:
        """At MAIL."""
        if any(one.session is session for one in self._open.values()):
            self.faults.append("a session begins a transaction while it has an open one")
        reply = await self._reply("sender", str(sender or ""))
        if not isinstance(reply, Accept):
            return reply
        made = Transaction(
            f"t{next(self._numbers)}", session, sender, RecordingEntry(), dict(parameters)
        )
        self._open[made.id] = made
        return made

    async def recipient(self, transaction: Transaction, recipient: Recipient) -> Reply:
        """At RCPT."""
        self._expect_open(transaction, "a recipient")
        reply = await self._reply("recipient", str(recipient.address))
        if isinstance(reply, Accept):
            transaction.recipients.append(recipient)
            transaction.targets.append((Target(recipient, None),))
        return reply

    async def message(
        self, transaction: Transaction, blob: Blob, *, replies: Literal["each", "one"]
    ) -> Outcome:
        """At the end of data.

        Cancellation: shielded, as a commit is.
        """
        self._expect_open(transaction, "a message")
        if not transaction.recipients:
            self.faults.append("a message is handed in that has no recipients")
        self.calls.append(("message", transaction.id))
        self.messages.append(_taken(transaction, blob, replies))
        with trio.CancelScope(shield=True):
            await self._wait_released()
        outcome = self._outcome(replies, len(transaction.recipients))
        self._end(transaction)
        return outcome

    async def _wait_released(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.holds:
            self.held, self._released = True, trio.Event()
            await self._released.wait()
            self.held = False

    def _outcome(self, replies: str, count_of_recipients: int) -> Outcome:
        reply = self._replies.get("message", Accept())
        if isinstance(reply, Exception):
            raise reply
        status = OK if isinstance(reply, Accept) else reply.status
        disconnect = isinstance(reply, Disconnect)
        if replies == "one":
            return Outcome((status,), disconnect)
        statuses = tuple(self.statuses) or (status,) * count_of_recipients
        return Outcome(statuses[:count_of_recipients], disconnect)

    def refuse(self, transaction: Transaction, status: Status, reason: str) -> None:
        """The listener refused the content."""
        self._expect_open(transaction, "a refusal")
        if status.code < 400:
            self.faults.append(f"a refusal has the status {status}")
        self.refused.append(reason)
        self._end(transaction)

    def abandon(self, transaction: Transaction) -> None:
        """The peer reset or left."""
        self._expect_open(transaction, "an abandonment")
        self._end(transaction)

    async def _reply(self, stage: Stage, subject: str) -> Reply:
        self.calls.append((stage, subject))
        await trio.lowlevel.checkpoint()
        reply = self._replies.get(subject) or self._replies.get(stage, Accept())
        if isinstance(reply, Exception):
            raise reply
        return reply

    def _expect_open(self, transaction: Transaction, what: str) -> None:
        if transaction.id not in self._open:
            self.faults.append(f"{what} comes for a transaction that has ended")

    def _end(self, transaction: Transaction) -> None:
        self._open.pop(transaction.id, None)
