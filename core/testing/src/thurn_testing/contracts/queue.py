"""The conformance kit of queues: what mail flow and the queue's runner rely on.

    async def test_contract(tmp_path):
        make = partial(spool.open, config)
        await check_queue(make, level="leases", directory=tmp_path)

Each check has a site of its own. Level "entries" is what mail flow needs, "leases" what a runner
needs besides. Deposits are committed as the host does it, so a queue may put its changes into the
commit log, or have none and store in `commit`. A queue that hangs breaks the promise that is being
checked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

import trio
import trio.testing
from thurn.contracts.context import Context
from thurn.contracts.outgoing import PENDING_OUTGOING, EntryKind, EntryOrigin, HopClass
from thurn.contracts.queue import (
    RETRY_LONGEST_SECONDS,
    Lease,
    Queue,
    QueueEntry,
    QueueId,
    RecipientResult,
)
from thurn.contracts.store import Deposit
from thurn.types.address import Address
from thurn.types.content import SPILL_OCTETS, Content
from thurn.types.envelope import Envelope, Recipient
from thurn.types.identity import AccountId
from thurn.types.status import OK, Status

from thurn_testing.contracts.expectation import checking, expect, expect_equal, in_time
from thurn_testing.contracts.storesite import HostsOf, StoreHost, message, plain_hosts
from thurn_testing.fakes.supervision import commit_deposits

MakeQueue: TypeAlias = Callable[[Context], AbstractAsyncContextManager[Queue]]
"""Opens a queue on a context; called with an equal context, it opens the same mail again."""

LATER: Final = Status(451, "4.4.1", "Nobody answers")
NEVER: Final = Status(550, "5.1.1", "Nobody of this name")
PATIENCE_SECONDS: Final = 30.0
"""Longest wait in seconds for what has to come at once."""
MOMENT_SECONDS: Final = 0.05
"""Seconds for which the kit looks whether something comes that must not."""


@dataclass(frozen=True, slots=True)
class OpenQueue:
    """A queue while it is open, with its host."""

    queue: Queue
    host: StoreHost

    async def put(self, *recipients: str, subject: str = "kit", key: str = "") -> None:
        """Commit one small entry."""
        await self.commit(self.queue.prepare(envelope(*recipients), message(subject), key=key))

    async def commit(self, *deposits: Deposit) -> None:
        """Commit deposits together, as mail flow does."""
        await commit_deposits(self.host.context.commit_log, deposits)

    async def lease(self, *, skip: Sequence[str] = ()) -> Lease:
        """The next lease; it must come soon."""
        with in_time("an entry that is due is leased", PATIENCE_SECONDS):
            return await self.queue.next_lease(skip=skip)
        raise AssertionError  # never reached: `in_time` has raised

    async def expect_none_due(self, promise: str) -> None:
        """Nothing is leased for a moment."""
        with trio.move_on_after(MOMENT_SECONDS):
            lease = await self.queue.next_lease()
            expect(False, f"{promise}: {lease.id} was leased")

    def soon(self, seconds: float) -> float:
        """A time from now."""
        return self.host.context.clock.wall() + seconds


class QueueSite:
    """Where a queue keeps its mail; `open` may be called again, also while it is open."""

    def __init__(self, make: MakeQueue, hosts: HostsOf, directory: Path, *, durable: bool) -> None:
        self._make = make
        self._hosts = hosts
        self._directory = directory
        self.durable = durable

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenQueue]:
        """The queue on this site's mail, after a replay of all that was not retired."""
        async with self._hosts(self._directory) as host, self._make(host.context) as queue:
            await host.recover()
            yield OpenQueue(queue, host)


def envelope(*recipients: str) -> Envelope:
    """An envelope from Ann to these recipients."""
    addresses = (Address.parse(one) for one in recipients or ("bob@example.net",))
    return Envelope(Address.parse("ann@example.org"), tuple(Recipient(one) for one in addresses))


def addressees(whole: Envelope) -> list[str]:
    """The recipients' addresses."""
    return [str(one.address) for one in whole.recipients]


async def committed_entry_is_listed(site: QueueSite) -> None:
    """What was committed is there, with all that has to survive; what was not committed is not."""
    given = Envelope(
        Address.parse('"a b"@example.org'),
        (
            Recipient(
                Address.parse("b\N{LATIN SMALL LETTER U WITH DIAERESIS}b@example.net"),
                {"NOTIFY": "SUCCESS", "ORCPT": "rfc822;x"},
                Address.parse("list@example.org"),
            ),
        ),
        {"REQUIRETLS": None, "BY": "120;R"},
    )
    content = message("first").prepend(b"Received: kit\r\n")
    async with site.open() as opened:
        deposit = opened.queue.prepare(given, content, key="t1 queue")
        expect_equal(await opened.queue.entries(), [], "prepare alone queues nothing")
        await opened.commit(deposit)
        await opened.queue.prepare(given, content, key="t2").abort()
        (entry,) = await opened.queue.entries()
        await _expect_whole(entry, given, content)
    if site.durable:
        async with site.open() as opened:
            (entry,) = await opened.queue.entries()
            await _expect_whole(entry, given, content)


async def _expect_whole(entry: QueueEntry, given: Envelope, content: Content) -> None:
    envelope = entry.envelope
    expect_equal(envelope, given, "sender and recipients are kept")
    expect_equal(dict(envelope.parameters), dict(given.parameters), "MAIL words are kept")
    words = dict(envelope.recipients[0].parameters)
    expect_equal(words, dict(given.recipients[0].parameters), "RCPT words are kept")
    expect_equal(entry.size_octets, content.size_octets, "the size counts prefix and blob")
    expect_equal((entry.tries, entry.last_status), (0, None), "nothing was tried")


async def origin_is_kept(site: QueueSite) -> None:
    """Where an entry comes from, and the stage that it has yet to pass: in lists and leases."""
    relayed = EntryOrigin(EntryKind.RELAYED, HopClass.INSIDE)
    redirect = EntryOrigin(
        EntryKind.REDIRECT, HopClass.WORLD, AccountId("ann"), "t1", "listener.mx"
    )
    rest = EntryOrigin(EntryKind.SUBMITTED, None, AccountId("j\u00f6rg"))
    given = [(None, ""), (relayed, ""), (redirect, PENDING_OUTGOING), (rest, "")]
    async with site.open() as opened:
        for origin, stage in given:
            deposit = opened.queue.prepare(
                envelope(), message("x"), key="", origin=origin, pending_stage=stage
            )
            await opened.commit(deposit)
        await _expect_origins(opened, given)
    if site.durable:
        async with site.open() as opened:
            await _expect_origins(opened, given)


async def _expect_origins(
    opened: OpenQueue, given: Sequence[tuple[EntryOrigin | None, str]]
) -> None:
    kept = [(one.origin, one.pending_stage) for one in await opened.queue.entries()]
    expect_equal(kept, given, "entries keep their origin and the pending stage")


async def lease_shows_the_origin(site: QueueSite) -> None:
    """A lease names the stage that is asked before the attempt."""
    origin = EntryOrigin(EntryKind.REPLY, HopClass.WORLD, AccountId("ann"))
    async with site.open() as opened:
        deposit = opened.queue.prepare(
            envelope(), message("x"), key="", origin=origin, pending_stage=PENDING_OUTGOING
        )
        await opened.commit(deposit)
        lease = await opened.lease()
        expect_equal(lease.origin, origin, "the origin")
        expect_equal(lease.pending_stage, PENDING_OUTGOING, "the pending stage")


async def null_sender_is_kept(site: QueueSite) -> None:
    """`<>` stays `<>`. RFC 5321 §6.1."""
    async with site.open() as opened:
        bounce = Envelope(None, envelope().recipients)
        await opened.commit(opened.queue.prepare(bounce, message("bounce"), key=""))
        (entry,) = await opened.queue.entries()
        expect_equal(entry.envelope.sender, None, "the null sender is kept")


async def key_makes_a_repeat_recognisable(site: QueueSite) -> None:
    """A repeat with the same key and recipients is stored once; without a key, always."""
    async with site.open() as opened:
        for _attempt in range(2):
            await opened.put("bob@example.net", key="t1")
        first, again = (
            opened.queue.prepare(envelope("eve@example.net"), message("eve"), key="t3")
            for _attempt in range(2)
        )
        await opened.commit(first, again)
        await opened.put("carol@example.net", key="t1")
        await opened.put("dave@example.net")
        await opened.put("dave@example.net")
        names = [addressees(one.envelope)[0][:3] for one in await opened.queue.entries()]
        expect_equal(sorted(names), ["bob", "car", "dav", "dav", "eve"], "a repeat adds nothing")
    if site.durable:
        async with site.open() as opened:
            await opened.put("bob@example.net", key="t1")
            expect_equal(len(await opened.queue.entries()), 5, "also after a restart")


async def entries_come_in_pages(site: QueueSite) -> None:
    """Entries are listed oldest first; `after` goes on also when that entry is gone."""
    async with site.open() as opened:
        for number in range(5):
            await opened.put(f"u{number}@example.net")
        everything = await opened.queue.entries()
        page = await opened.queue.entries(limit=2)
        await opened.queue.remove(page[1].id)
        rest = await opened.queue.entries(after=page[1].id)
        ids = [one.id for one in (*page, *rest)]
        expect_equal(ids, [one.id for one in everything], "pages make up the whole")
        expect_equal(len(set(ids)), 5, "ids differ")


async def removed_entry_stays_away(site: QueueSite) -> None:
    """A removed entry stays removed, also when its arrival is replayed."""
    async with site.open() as opened:
        await opened.put(key="t1")
        (entry,) = await opened.queue.entries()
        expect(await opened.queue.remove(entry.id), "an entry can be removed")
        expect(not await opened.queue.remove(entry.id), "not twice")
        expect(not await opened.queue.remove(QueueId("../x")), "an id is no path")
        await opened.host.recover()
        expect_equal(await opened.queue.entries(), [], "a replay does not bring it back")


async def replay_and_retiring_change_nothing(site: QueueSite) -> None:
    """Records may be replayed and settled more than once."""
    async with site.open() as opened:
        for number in range(3):
            await opened.put(f"u{number}@example.net")
        before = await opened.queue.entries()
        await opened.host.recover()
        expect_equal(await opened.queue.entries(), before, "a replay changes nothing")
        await opened.host.retire()
        await opened.host.recover()
        expect_equal(await opened.queue.entries(), before, "retiring changes nothing")


async def failed_group_queues_nothing(site: QueueSite) -> None:
    """All deposits of a group are stored, or none."""

    class Failing:
        resource = None

        def apply(self, frame: object) -> None:
            raise ValueError("kit")

        def applied(self) -> None:
            raise AssertionError("it was not applied")

    async with site.open() as opened:
        deposit = opened.queue.prepare(envelope(), message("x"), key="t1")
        if not deposit.changes:
            return  # an engine with a durability of its own
        await deposit.place()
        try:
            await opened.host.context.commit_log.commit([*deposit.changes, Failing()])
        except ValueError:
            await deposit.abort()
        expect_equal(await opened.queue.entries(), [], "a failed group leaves nothing")
        await opened.put(key="t1")
        expect_equal(len(await opened.queue.entries()), 1, "and its key is free")


async def content_is_kept(site: QueueSite) -> None:
    """Contents are unchanged, from the log and from a file, also after a restart."""
    contents = [
        message("small").prepend(b"Received: kit\r\n"),
        message("big", b"0123456789abcde\r\n" * (SPILL_OCTETS // 16)),
    ]
    async with site.open() as opened:
        for content in contents:
            await opened.commit(opened.queue.prepare(envelope(), content, key=""))
        await _expect_contents(opened, contents)
        await opened.host.retire()
        await _expect_contents(opened, contents)
    if site.durable:
        async with site.open() as opened:
            await _expect_contents(opened, contents)


async def _expect_contents(opened: OpenQueue, contents: Sequence[Content]) -> None:
    leases = [await opened.lease() for _content in contents]
    octets = sorted([(await lease.content()).read() for lease in leases], key=len)
    expect_equal(octets, [one.read() for one in contents], "content is kept")
    for lease in leases:
        await lease.release()


async def leased_entry_is_held_once(site: QueueSite) -> None:
    """Two workers never lease the same entry; a released one is due again."""
    async with site.open() as one, site.open() as two:
        await one.put("bob@example.net")
        lease = await one.lease()
        expect_equal(addressees(lease.envelope), ["bob@example.net"], "the envelope")
        await one.expect_none_due("a leased entry is not due")
        await two.expect_none_due("a leased entry is not due elsewhere")
        await lease.release()
        await lease.release()
        other = await two.lease()
        expect_equal(other.id, lease.id, "released, it is due again")
        await other.finish([RecipientResult(other.envelope.recipients[0], OK)], retry_at=None)
        expect_equal(await one.queue.entries(), [], "done is done")


async def finished_recipients_leave(site: QueueSite) -> None:
    """Recipients that succeeded or failed for good leave; those of temporary failures wait."""
    names = ("ok@example.net", "no@example.net", "wait@example.net", "same@example.net")
    async with site.open() as opened:
        await opened.put(*names)
        lease = await opened.lease()
        done, never, wait, _same = lease.envelope.recipients
        results = [
            RecipientResult(done, OK), RecipientResult(never, NEVER), RecipientResult(wait, LATER),
        ]  # fmt: skip
        await lease.finish(results, retry_at=opened.soon(3_600))
        (entry,) = await opened.queue.entries()
        expect_equal(addressees(entry.envelope), [names[2], names[3]], "who is left")
        expect_equal((entry.tries, entry.last_status), (1, LATER), "what was tried")
        again = await opened.lease()
        expect_equal(addressees(again.envelope), [names[3]], "a lease has who is due")
        await again.finish([RecipientResult(again.envelope.recipients[0], OK)], retry_at=None)
        await opened.expect_none_due("the rest waits for its time")
        await opened.host.recover()
        (entry,) = await opened.queue.entries()
        expect_equal(addressees(entry.envelope), [names[2]], "a replay changes nothing")
        expect_equal(entry.tries, 2, "nor counts tries again")


async def deferred_entry_comes_back(site: QueueSite) -> None:
    """A deferred recipient is due at its time, with its tries counted, also after a restart."""
    async with site.open() as opened:
        await opened.put()
        lease = await opened.lease()
        recipient = lease.envelope.recipients[0]
        await lease.finish([RecipientResult(recipient, LATER)], retry_at=opened.soon(-1))
        if not site.durable:
            expect_equal((await opened.lease()).id, lease.id, "due again")
            return
    async with site.open() as opened:
        again = await opened.lease()
        expect_equal(again.id, lease.id, "due again after a restart")
        await again.finish([], retry_at=None)
        expect_equal((await opened.lease()).id, lease.id, "without results all are due")


async def retry_times_are_bounded(site: QueueSite) -> None:
    """A retry in the past is due now; one that is too far ahead is brought nearer."""
    async with site.open() as opened:
        await opened.put()
        for retry_at in (-1e300, 0.0, float("nan")):
            lease = await opened.lease()
            results = [RecipientResult(one, LATER) for one in lease.envelope.recipients]
            await lease.finish(results, retry_at=retry_at)
        lease = await opened.lease()
        results = [RecipientResult(one, LATER) for one in lease.envelope.recipients]
        await lease.finish(results, retry_at=float("inf"))
        (entry,) = await opened.queue.entries()
        latest = opened.soon(RETRY_LONGEST_SECONDS)
        expect(entry.retry_at is not None and entry.retry_at <= latest, "no retry is later than so")


async def new_mail_passes_a_backlog(site: QueueSite) -> None:
    """Entries that were tried before and new ones take turns."""
    async with site.open() as opened:
        for number in range(6):
            await opened.put(f"old{number}@example.net")
        for lease in [await opened.lease() for _number in range(6)]:
            results = [RecipientResult(one, LATER) for one in lease.envelope.recipients]
            await lease.finish(results, retry_at=opened.soon(-100))
        await opened.put("new@example.net")
        first = [addressees((await opened.lease()).envelope)[0] for _turn in range(2)]
        expect("new@example.net" in first, "new mail need not wait for the backlog")
        expect(any(one.startswith("old") for one in first), "nor the backlog for new mail")


async def routed_entry_is_skipped(site: QueueSite) -> None:
    """The destination key is kept, and an entry is not offered to a runner that skips it."""
    async with site.open() as opened:
        await opened.put("bob@slow.example")
        lease = await opened.lease()
        expect_equal(lease.destination, "", "nothing is known before the first routing")
        await lease.route("slow.example")
        expect_equal(lease.destination, "slow.example", "the lease goes on")
        await lease.release()
        await opened.put("bob@fast.example")
        passed = await opened.lease(skip=["slow.example"])
        expect_equal(addressees(passed.envelope), ["bob@fast.example"], "others are not held up")
        again = await opened.lease()
        expect_equal(again.destination, "slow.example", "the key is stored with the entry")


async def waiting_for_a_lease_ends(site: QueueSite) -> None:
    """A runner that waits gets what arrives, also from another worker."""
    async with site.open() as one, site.open() as two:
        leases: list[Lease] = []

        async def wait() -> None:
            leases.append(await one.lease())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            await two.put("late@example.net")
        expect_equal(addressees(leases[0].envelope), ["late@example.net"], "it came")


async def cancelled_wait_takes_nothing(site: QueueSite) -> None:
    """A `next_lease` that is cancelled at any moment keeps no lease that nobody holds."""
    async with site.open() as opened:
        with trio.CancelScope() as scope:
            scope.cancel()
            await opened.queue.next_lease()
        leases: list[Lease] = []

        async def wait(scope: trio.CancelScope) -> None:
            with scope:
                leases.append(await opened.queue.next_lease())

        for number in range(4):
            async with trio.open_nursery() as nursery:
                scope = trio.CancelScope()
                nursery.start_soon(wait, scope)
                await trio.testing.wait_all_tasks_blocked()
                await opened.put()
                for _tick in range(number):
                    await trio.lowlevel.checkpoint()
                scope.cancel()
            lease = leases.pop() if leases else await opened.lease()
            await lease.finish([], retry_at=None)
            await opened.queue.remove(lease.id)


async def closing_gives_back(site: QueueSite) -> None:
    """A worker that is closed holds nothing."""
    async with site.open() as one:
        async with site.open() as two:
            await one.put()
            lease = await two.lease()
        expect_equal((await one.lease()).id, lease.id, "due again")


Check: TypeAlias = Callable[[QueueSite], Awaitable[None]]

LEVELS: Final[dict[str, Sequence[Check]]] = {
    "entries": (
        committed_entry_is_listed,
        origin_is_kept,
        null_sender_is_kept,
        key_makes_a_repeat_recognisable,
        entries_come_in_pages,
        removed_entry_stays_away,
        replay_and_retiring_change_nothing,
        failed_group_queues_nothing,
    ),
    "leases": (
        content_is_kept,
        lease_shows_the_origin,
        leased_entry_is_held_once,
        finished_recipients_leave,
        deferred_entry_comes_back,
        retry_times_are_bounded,
        new_mail_passes_a_backlog,
        routed_entry_is_skipped,
        waiting_for_a_lease_ends,
        cancelled_wait_takes_nothing,
        closing_gives_back,
    ),
}


async def check_queue(
    make: MakeQueue,
    *,
    level: Literal["entries", "leases"],
    directory: Path,
    hosts: HostsOf | None = None,
    durable: bool = True,
    only: str = "",
) -> None:
    """Check that a queue keeps the promises of `thurn.contracts.queue`.

    Args:
        make: opens the queue on a context; called again to reopen it, or for another worker.
        level: "entries", or "leases" for the second half.
        directory: where sites are made.
        hosts: contexts with a commit log of the caller's choice; None for a plain one in memory.
        durable: False for a queue that forgets when it is closed.
        only: run the checks whose names contain this.

    Raises:
        AssertionError: a promise was broken; a note names the check.
    """
    for check in LEVELS[level]:
        name = getattr(check, "__name__", repr(check))
        if only not in name:
            continue
        place = directory / name
        place.mkdir(mode=0o700)
        with checking("queue", check):
            await check(QueueSite(make, hosts or plain_hosts(), place, durable=durable))
