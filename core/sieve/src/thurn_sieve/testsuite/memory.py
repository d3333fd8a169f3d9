"""An executor and the services of a context, in memory, where tests can look at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from thurn_sieve.context import Context
from thurn_sieve.result import Action, Discard, Keep, Redirect, Reject, Store


@dataclass(slots=True)
class Stored:
    """A message that is stored in a mailbox."""

    message: bytes
    flags: list[str]


@dataclass(slots=True)
class Sent:
    """A message that is sent.

    Attributes:
        envelope_from: the reverse-path; None for the null path and for a redirected message.
        recipients: the addresses that it goes to.
        message: its octets.
    """

    envelope_from: str | None
    recipients: list[str]
    message: bytes


class MemoryMailboxes:
    """The service `context.Mailboxes`.

    Attributes:
        stored: name of each mailbox → its messages.
        read_only: names of mailboxes that messages must not be put into.
        uses: special use in lower case → names of mailboxes.
        ids: id of a mailbox → its name.
        annotations: (name of a mailbox or None, annotation in lower case) → its value.
    """

    def __init__(self) -> None:
        self.stored: dict[str, list[Stored]] = {"INBOX": []}
        self.read_only: set[str] = set()
        self.uses: dict[str, list[str]] = {}
        self.ids: dict[str, str] = {}
        self.annotations: dict[tuple[str | None, str], str] = {}

    async def exists(self, name: str) -> bool:
        """Whether the mailbox is in `stored`; INBOX always exists."""
        return name in self.stored or name.upper() == "INBOX"

    async def may_write(self, name: str) -> bool:
        """Whether the mailbox is not in `read_only`."""
        return name not in self.read_only

    async def special_use(self, flag: str) -> Sequence[str]:
        """The names in `uses`."""
        return self.uses.get(flag.lower(), ())

    async def by_id(self, mailbox_id: str) -> str | None:
        """The name in `ids`."""
        return self.ids.get(mailbox_id)

    async def metadata(self, name: str | None, annotation: str) -> str | None:
        """The value in `annotations`."""
        return self.annotations.get((name, annotation.lower()))


class MemoryDuplicates:
    """The service `context.Duplicates`, by the clock of a context.

    Attributes:
        ends: key → the time until which it is remembered, in POSIX seconds.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.ends: dict[str, float] = {}

    async def seen(self, key: str) -> bool:
        """Whether the key is remembered and its time is not over."""
        return self.ends.get(key, 0.0) > self._context.now.timestamp()

    def mark(self, key: str, seconds: int) -> None:
        """Remember the key for so many seconds from now on."""
        self.ends[key] = self._context.now.timestamp() + seconds


class MemoryRepository:
    """The service `context.Repository`.

    Attributes:
        sources: (location, name) → text of the script.
    """

    def __init__(self) -> None:
        self.sources: dict[tuple[str, str], str] = {}

    async def source(self, name: str, *, location: str) -> str | None:
        """The text in `sources`."""
        return self.sources.get((location, name))


@dataclass(slots=True)
class MemoryExecutor:
    """A `result.Executor` that records everything.

    Attributes:
        mailboxes: the mailboxes that it stores into.
        duplicates: the keys that it remembers.
        sent: the messages that were sent or redirected.
        refused: the reasons of refusals in the protocol.
        notices: the notifications.
        discards: number of discarded messages.
        in_protocol: whether the protocol can refuse a message.
        fails: the name of the action that fails; empty if none does.
    """

    mailboxes: MemoryMailboxes
    duplicates: MemoryDuplicates
    sent: list[Sent] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    notices: list[Action] = field(default_factory=list)
    discards: int = 0
    in_protocol: bool = True
    fails: str = ""

    def _fail_if_wanted(self, action: Action) -> None:
        if action.name == self.fails:
            raise OSError(f"{action.name} fails because the test wants it to")

    async def keep(self, action: Keep) -> None:
        """Store the message in INBOX."""
        self._fail_if_wanted(action)
        self.mailboxes.stored["INBOX"].append(Stored(action.message, list(action.flags)))

    async def store(self, action: Store) -> None:
        """Store the message in the mailbox, which is created if it does not exist."""
        self._fail_if_wanted(action)
        name = "INBOX" if action.mailbox.upper() == "INBOX" else action.mailbox
        messages = self.mailboxes.stored.setdefault(name, [])
        messages.append(Stored(action.message, list(action.flags)))

    async def redirect(self, action: Redirect) -> None:
        """Add the message to `sent`."""
        self._fail_if_wanted(action)
        self.sent.append(Sent(None, [action.address], action.message))

    async def discard(self, action: Discard) -> None:
        """Count the message in `discards`."""
        self._fail_if_wanted(action)
        self.discards += 1

    async def reject(self, action: Reject) -> bool:
        """Add the reason to `refused` if the protocol can refuse."""
        self._fail_if_wanted(action)
        if self.in_protocol:
            self.refused.append(action.reason)
        return self.in_protocol

    async def send(
        self, envelope_from: str | None, recipients: Sequence[str], message: bytes
    ) -> None:
        """Add the message to `sent`."""
        self.sent.append(Sent(envelope_from, list(recipients), message))

    async def notify(self, action: Action) -> None:
        """Add the action to `notices`."""
        self._fail_if_wanted(action)
        self.notices.append(action)

    async def mark_duplicate(self, key: str, seconds: int, *, last: bool) -> None:
        """Remember the key; a time that runs starts again only with `last`."""
        if last or not await self.duplicates.seen(key):
            self.duplicates.mark(key, seconds)

    async def mark_vacation(self, key: str, seconds: int) -> bool:
        """Remember the key; False if it was remembered already."""
        first = not await self.duplicates.seen(key)
        self.duplicates.mark(key, seconds)
        return first
