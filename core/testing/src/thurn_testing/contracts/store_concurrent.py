"""Store kit: many tasks with handles of their own change one account; invariants hold throughout.

Each task does random operations (seeded). What a task appended has a subject of its own, so that
the kit knows which messages must be there: all that were stored and that no task has expunged.
"""

from __future__ import annotations

import random
from array import array
from typing import Final

import trio
from thurn.contracts.store import AccountHandle, FlagChange, Mailbox, MailStore, View
from thurn.types.errors import MessageExpunged

from thurn_testing.contracts.expectation import expect, expect_equal, in_time
from thurn_testing.contracts.store_change import WAKE_SECONDS
from thurn_testing.contracts.storesite import ALICE, StoreSite, append, flags_of, subjects

SEEDS: Final = (1, 2, 3)
TASKS: Final = 6
STEPS: Final = 40
MAILBOXES: Final = ("INBOX", "one", "two")
FLAGS: Final = ("\\Seen", "\\Deleted", "$Kit", "$Other")


class Model:
    """The expected mail: subjects that are stored and not expunged, and every UID ever given."""

    def __init__(self) -> None:
        self.there: dict[str, str] = {}
        self.given: dict[str, set[int]] = {name: set() for name in MAILBOXES}
        self.validity: dict[str, int] = {}

    def give(self, name: str, uid: int) -> None:
        """Note a UID; it must be new in its mailbox."""
        expect(uid not in self.given[name], f"UID {uid} of {name} was given twice")
        self.given[name].add(uid)


class Actor:
    """One task with its own handle, and what it has seen of each mailbox."""

    def __init__(self, number: int, account: AccountHandle, model: Model, seed: int) -> None:
        self.number = number
        self.account = account
        self.model = model
        self.random = random.Random(seed * 1_000 + number)  # noqa: S311 - reproducible on purpose
        self.replica: dict[str, tuple[int, dict[int, int]]] = {}

    async def run(self) -> None:
        """Do all steps of this task."""
        for step in range(STEPS):
            name = self.random.choice(MAILBOXES)
            mailbox = await self.account.mailbox(name)
            action = self.random.choice(
                (self.store, self.store, self.flag, self.expunge, self.move, self.follow)
            )
            await action(name, mailbox, step)

    async def store(self, name: str, mailbox: Mailbox, step: int) -> None:
        """Append one message, or several."""
        words = [f"s{self.number}-{step}-{n}" for n in range(self.random.choice((1, 1, 3)))]
        appends = [append(word, name, flags=self.random.sample(FLAGS, 1)) for word in words]
        stored = await self.account.append_all(appends)
        uids = [one.uid for one in stored]
        expect_equal(uids, sorted(set(uids)), "UIDs of one append_all ascend")
        for word, one in zip(words, stored, strict=True):
            self.model.give(name, one.uid)
            self.model.there[word] = name
        view = await mailbox.view()
        expect(view.uidnext > uids[-1], "one's own message is in the next view")

    async def flag(self, name: str, mailbox: Mailbox, step: int) -> None:
        """Change flags of some messages."""
        view = await mailbox.view()
        uids = self.random.sample(list(view.uids), min(len(view), 4))
        change = self.random.choice(list(FlagChange))
        await mailbox.flag(uids, change, self.random.sample(FLAGS, 2))

    async def expunge(self, name: str, mailbox: Mailbox, step: int) -> None:
        """Expunge a message; only the task that removed it takes it from the model."""
        view = await mailbox.view()
        if not len(view):
            return
        uid = self.random.choice(view.uids)
        try:
            octets = (await mailbox.body(uid)).read()
        except MessageExpunged:
            return
        for gone in await mailbox.expunge([uid]):
            expect_equal(gone, uid, "an expunge removes only what was asked")
            word = octets.split(b"Subject: ")[1].split(b"\r\n")[0].decode()
            self.model.there.pop(word)

    async def move(self, name: str, mailbox: Mailbox, step: int) -> None:
        """Move some messages."""
        view = await mailbox.view()
        target = self.random.choice([other for other in MAILBOXES if other != name])
        chosen = self.random.sample(list(view.uids), min(len(view), 2))
        result = await mailbox.move(chosen, target)
        for uid in result.target_uids:
            self.model.give(target, uid)

    async def follow(self, name: str, mailbox: Mailbox, step: int) -> None:
        """Bring an old replica up to date by `changes` and compare it with a view."""
        since, rows = self.replica.get(name, (0, {}))
        changes = await mailbox.changes(since)
        expect(changes.highestmodseq >= since, "MODSEQ never goes back")
        for uid in changes.vanished:
            rows.pop(uid, None)
        for uid, flags in zip(changes.changed, changes.flags, strict=True):
            rows[uid] = flags
        self.replica[name] = (changes.highestmodseq, rows)
        view = await mailbox.view()
        check_view(view)
        record = (await self.account.mailbox(name)).record
        if record.highestmodseq == view.highestmodseq:
            unseen = sum(not mask & 1 for mask in view.flags)
            found = (record.messages, record.unseen, record.uidnext)
            expect_equal(
                found, (len(view), unseen, view.uidnext), "record and view of one MODSEQ agree"
            )
        if view.highestmodseq == changes.highestmodseq:
            seen = dict(zip(view.uids, view.flags, strict=True))
            expect_equal(rows, seen, "following the changes leads to the view")


def check_view(view: View) -> None:
    """A view is well formed by itself."""
    expect_equal(
        view.uids, array("I", sorted(set(view.uids))), "UIDs ascend, and none is there twice"
    )
    expect(all(uid < view.uidnext for uid in view.uids), "all UIDs are below UIDNEXT")
    expect(all(m <= view.highestmodseq for m in view.modseqs), "no MODSEQ is above the highest")


async def check_end(store: MailStore, model: Model) -> None:
    """Every expected message is there once."""
    account = await store.open(ALICE, None)
    found: list[str] = []
    for name in MAILBOXES:
        mailbox = await account.mailbox(name)
        view = await mailbox.view()
        check_view(view)
        record = mailbox.record
        unseen = sum("\\Seen" not in flags for flags in (await flags_of(mailbox)).values())
        counted = (record.messages, record.unseen, record.size_octets)
        expect_equal(counted, (len(view), unseen, sum(view.sizes)), "the record counts exactly")
        expect(set(view.uids) <= model.given[name], "every UID was given by an append or a move")
        found += await subjects(mailbox)
    expect_equal(sorted(found), sorted(model.there), "each message is there exactly once")


async def check_random_operations(site: StoreSite) -> None:
    """Random operations of several handles and two open stores on the same mail."""
    for seed in SEEDS:
        model = Model()
        async with site.open() as opened:
            account = await opened.account()
            for name in MAILBOXES[1:]:
                if name in {m.name for m in await account.mailboxes()}:
                    await account.delete(name)
                await account.create(name)
            inbox = await account.mailbox("INBOX")
            await inbox.expunge(list((await inbox.view()).uids))
            async with trio.open_nursery() as nursery:
                for number in range(TASKS):
                    actor = Actor(number, await opened.account(), model, seed)
                    nursery.start_soon(actor.run)
            await check_end(opened.store, model)
            await opened.host.retire()
            await check_end(opened.store, model)
        if site.durable:
            async with site.open() as opened:
                await check_end(opened.store, model)


async def check_two_stores_on_the_same_mail(site: StoreSite) -> None:
    """Two workers: what one commits, the other sees at its next call."""
    if not site.durable:
        return
    model = Model()
    async with site.open() as first, site.open() as second:
        account = await first.account()
        for name in MAILBOXES[1:]:
            await account.create(name)
        async with trio.open_nursery() as nursery:
            for number in range(TASKS):
                opened = (first, second)[number % 2]
                nursery.start_soon(Actor(number, await opened.account(), model, 7).run)
        for opened in (first, second):
            await check_end(opened.store, model)
        view = await (await second.inbox()).view()
        with in_time("another worker wakes", WAKE_SECONDS):
            async with trio.open_nursery() as nursery:
                waiting = await second.inbox()
                nursery.start_soon(waiting.wait_changed, view.highestmodseq)
                await account.append(append("wake up"))
        expect_equal(
            len(await (await second.inbox()).view()),
            len(view) + 1,
            "another worker sees it at once",
        )


CONCURRENT_CHECKS: Final = (check_random_operations, check_two_stores_on_the_same_mail)
