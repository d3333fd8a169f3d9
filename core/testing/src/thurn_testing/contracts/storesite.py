"""Where the store kit runs a store: a site with one store that may be closed and opened again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from thurn.contracts.context import Context
from thurn.contracts.store import AccountHandle, Append, Deposit, Mailbox, MailStore
from thurn.types.content import Content
from thurn.types.identity import AccountId

from thurn_testing.contracts.plainlog import PlainLog
from thurn_testing.contracts.plainstate import PlainState
from thurn_testing.fakes.context import FakeContext, Given
from thurn_testing.fakes.supervision import commit_deposits

MakeStore: TypeAlias = Callable[[Context], AbstractAsyncContextManager[MailStore]]
"""Opens a store on a context; called with an equal context, it opens the same mail again."""

WHEN: Final = datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)
"""INTERNALDATE of the kit's messages."""

ALICE: Final = AccountId("alice")
BOB: Final = AccountId("Bob/..@exämple \N{SNOWMAN}")
"""An account id is data: what it is made of must not matter."""


class StoreHost(Protocol):
    """What surrounds the store: a context with a commit log that can be told to do its work."""

    @property
    def context(self) -> Context:
        """The context of the store."""

    async def recover(self) -> None:
        """Replay the log, after the store has opened and before it is used."""

    async def retire(self) -> None:
        """Bring all bodies to their final places and forget the records."""


HostsOf: TypeAlias = Callable[[Path], AbstractAsyncContextManager[StoreHost]]


class PlainHost:
    """A host with the plain log."""

    def __init__(self, directory: Path, log: PlainLog, state: PlainState) -> None:
        self._log = log
        given = Given(state=state, commit_log=log)
        self.context: Context = FakeContext(directory, name="store.kit", given=given)

    async def recover(self) -> None:
        """Replay everything that was not retired: it must change nothing."""
        self._log.replay()

    async def retire(self) -> None:
        """Settle the records and forget them."""
        self._log.retire()


def plain_hosts() -> HostsOf:
    """Hosts whose log outlives them, as one on a disk would."""
    logs: dict[Path, tuple[PlainLog, PlainState]] = {}

    @asynccontextmanager
    async def host(directory: Path) -> AsyncIterator[StoreHost]:
        log, state = logs.setdefault(directory, (PlainLog(), PlainState()))
        yield PlainHost(directory, log, state)

    return host


@dataclass(frozen=True, slots=True)
class OpenStore:
    """A store while it is open, with its host."""

    store: MailStore
    host: StoreHost

    async def account(self, account: AccountId = ALICE) -> AccountHandle:
        """The account as the host sees it."""
        return await self.store.open(account, None)

    async def inbox(self, account: AccountId = ALICE) -> Mailbox:
        """The account's INBOX."""
        return await (await self.account(account)).mailbox("INBOX")

    async def commit(self, *deposits: Deposit) -> None:
        """Commit deposits together, as the host does: or raise, and abort all of them."""
        await commit_deposits(self.host.context.commit_log, deposits)


class StoreSite:
    """Where a store keeps its mail; `open` may be called again, also while it is open."""

    def __init__(self, make: MakeStore, hosts: HostsOf, directory: Path, *, durable: bool) -> None:
        self._make = make
        self._hosts = hosts
        self._directory = directory
        self.durable = durable

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenStore]:
        """The store on this site's data."""
        async with self._hosts(self._directory) as host, self._make(host.context) as store:
            await host.recover()
            yield OpenStore(store, host)


def message(subject: str, body: bytes = b"Hello.\r\n") -> Content:
    """A small message."""
    header = (
        f"From: Ann <ann@example.org>\r\nTo: Bob <bob@example.net>\r\nSubject: {subject}\r\n"
        f"Message-ID: <{subject}@example.org>\r\nDate: Thu, 29 Feb 2024 12:30:15 +0000\r\n\r\n"
    )
    return Content.of(header.encode() + body)


def append(subject: str, mailbox: str = "INBOX", *, flags: Sequence[str] = ()) -> Append:
    """An append of a small message."""
    return Append(mailbox, message(subject), WHEN, tuple(flags))


async def fill(account: AccountHandle, count: int, mailbox: str = "INBOX") -> Sequence[int]:
    """Store this many messages; returns their UIDs."""
    stored = await account.append_all(
        [Append(mailbox, message(f"m{n}"), WHEN, create=True) for n in range(count)]
    )
    return [one.uid for one in stored]


async def subjects(mailbox: Mailbox) -> list[str]:
    """The subjects of a mailbox's messages in UID order, read from their bodies."""
    found = []
    for uid in (await mailbox.view()).uids:
        octets = (await mailbox.body(uid)).read()
        found.append(octets.split(b"Subject: ")[1].split(b"\r\n")[0].decode())
    return found


async def flags_of(mailbox: Mailbox) -> dict[int, frozenset[str]]:
    """The flags of each message by UID, as words."""
    view = await mailbox.view()
    return {
        uid: frozenset(name for bit, name in enumerate(view.flag_names) if mask >> bit & 1)
        for uid, mask in zip(view.uids, view.flags, strict=True)
    }
