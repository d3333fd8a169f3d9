"""An executor and the services of a context, in memory: what tests look at afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from thurn_sieve.context import Context
from thurn_sieve.result import Action, Discard, Keep, Redirect, Reject, Store


@dataclass(slots=True)
class Stored:
    """A message in a mailbox."""

    message: bytes
    flags: list[str]


@dataclass(slots=True)
class Sent:
    """A message handed to the queue."""

    envelope_from: str | None
    recipients: list[str]
    message: bytes


class MemoryMailboxes:
    """Mailboxes that exist by name. `Mailboxes`."""

    def __init__(self) -> None:
        self.stored: dict[str, list[Stored]] = {"INBOX": []}
        self.read_only: set[str] = set()
        self.uses: dict[str, list[str]] = {}
        self.ids: dict[str, str] = {}
        self.annotations: dict[tuple[str | None, str], str] = {}

    async def exists(self, name: str) -> bool:
        """Whether it was created or stored into."""
        return name in self.stored or name.upper() == "INBOX"

    async def may_write(self, name: str) -> bool:
        """Whether it is not in `read_only`."""
        return name not in self.read_only

    async def special_use(self, flag: str) -> Sequence[str]:
        """As `uses` says."""
        return self.uses.get(flag.lower(), ())

    async def by_id(self, mailbox_id: str) -> str | None:
        """As `ids` says."""
        return self.ids.get(mailbox_id)

    async def metadata(self, name: str | None, annotation: str) -> str | None:
        """As `annotations` says."""
        return self.annotations.get((name, annotation.lower()))


class MemoryDuplicates:
    """Keys with the time they end, by the clock of a context. `Duplicates`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.ends: dict[str, float] = {}

    async def seen(self, key: str) -> bool:
        """Whether the key's time is not over."""
        return self.ends.get(key, 0.0) > self._context.now.timestamp()

    def mark(self, key: str, seconds: int) -> None:
        """Remember it."""
        self.ends[key] = self._context.now.timestamp() + seconds


class MemoryRepository:
    """Scripts by location and name. `Repository`."""

    def __init__(self) -> None:
        self.sources: dict[tuple[str, str], str] = {}

    async def source(self, name: str, *, location: str) -> str | None:
        """As `sources` says."""
        return self.sources.get((location, name))


@dataclass(slots=True)
class MemoryExecutor:
    """Does everything to lists. `Executor`.

    Attributes:
        in_protocol: whether a refusal reaches the sender in the protocol.
        fails: name of an action that fails.
    """

    mailboxes: MemoryMailboxes
    duplicates: MemoryDuplicates
    sent: list[Sent] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    notices: list[Action] = field(default_factory=list)
    discards: int = 0
    in_protocol: bool = True
    fails: str = ""

    def _judge(self, action: Action) -> None:
        if action.name == self.fails:
            raise OSError(f"{action.name} fails because the test wants it")

    async def keep(self, action: Keep) -> None:
        """Into INBOX."""
        self._judge(action)
        self.mailboxes.stored["INBOX"].append(Stored(action.message, list(action.flags)))

    async def store(self, action: Store) -> None:
        """Into the mailbox, made if it isn't there."""
        self._judge(action)
        name = "INBOX" if action.mailbox.upper() == "INBOX" else action.mailbox
        found = self.mailboxes.stored.setdefault(name, [])
        found.append(Stored(action.message, list(action.flags)))

    async def redirect(self, action: Redirect) -> None:
        """Into `sent`."""
        self._judge(action)
        self.sent.append(Sent(None, [action.address], action.message))

    async def discard(self, action: Discard) -> None:
        """Counted."""
        self._judge(action)
        self.discards += 1

    async def reject(self, action: Reject) -> bool:
        """Into `refused`, if the protocol is said to be able to."""
        self._judge(action)
        if self.in_protocol:
            self.refused.append(action.reason)
        return self.in_protocol

    async def send(
        self, envelope_from: str | None, recipients: Sequence[str], message: bytes
    ) -> None:
        """Into `sent`."""
        self.sent.append(Sent(envelope_from, list(recipients), message))

    async def notify(self, action: Action) -> None:
        """Into `notices`."""
        self._judge(action)
        self.notices.append(action)

    async def mark_duplicate(self, key: str, seconds: int, *, last: bool) -> None:
        """Into the tracker; a running time starts anew only with `last`."""
        if last or not await self.duplicates.seen(key):
            self.duplicates.mark(key, seconds)

    async def mark_vacation(self, key: str, seconds: int) -> bool:
        """Into the tracker."""
        first = not await self.duplicates.seen(key)
        self.duplicates.mark(key, seconds)
        return first
