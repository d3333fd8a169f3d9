"""Store kit: views, changes, flags, expunge, copy and move."""

from __future__ import annotations

from typing import Final

import trio
import trio.testing
from thurn.contracts.store import (
    KEYWORDS_PER_MAILBOX,
    SYSTEM_FLAGS,
    Append,
    FlagChange,
)
from thurn.types.errors import LimitReached, MailboxNotFound, MessageExpunged

from thurn_testing.contracts.expectation import expect, expect_equal, in_time, refused
from thurn_testing.contracts.storesite import (
    WHEN,
    StoreSite,
    append,
    fill,
    flags_of,
    message,
    subjects,
)

WAKE_SECONDS: Final = 2
"""Longest time in seconds in which a waiting session wakes: the contract promises one second."""


async def check_views_are_immutable_and_shared(site: StoreSite) -> None:
    """A view never changes; an unchanged mailbox gives the same object."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        uids = await fill(account, 3)
        first = await inbox.view()
        expect(await inbox.view() is first, "the same object while nothing changes")
        kept = (list(first.uids), list(first.flags), list(first.modseqs), first.highestmodseq)
        await inbox.flag(uids[:1], FlagChange.ADD, ["\\Seen"])
        expect_equal((await inbox.view()).flags[0], 1, "the next view has the flag")
        await inbox.expunge(uids[1:2])
        await fill(account, 2)
        second = await inbox.view()
        expect(second is not first, "another object after a change")
        now = (list(first.uids), list(first.flags), list(first.modseqs), first.highestmodseq)
        expect_equal(now, kept, "the old view is as it was")
        expect_equal(len(second), 4, "the new view has all messages")
        expect_equal(list(second.uids), sorted(second.uids), "a view is in UID order")
        expect_equal(second.flag_names[:5], SYSTEM_FLAGS, "system flags are the first bits")
        lengths = {len(second.flags), len(second.modseqs), len(second.sizes), len(second.received)}
        expect_equal(lengths, {4}, "columns are parallel")


async def check_changes_are_resumable(site: StoreSite) -> None:
    """`changes(since)` tells what came after, from any earlier point. RFC 7162 §3.2."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        uids = await fill(account, 5)
        before = await inbox.view()
        await inbox.flag([uids[1]], FlagChange.ADD, ["\\Flagged"])
        middle = await inbox.changes(before.highestmodseq)
        expect_equal(list(middle.changed), [uids[1]], "the message with another flag has changed")
        expect_equal(list(middle.vanished), [], "nothing has vanished")
        await inbox.expunge([uids[0], uids[3]])
        (new,) = await fill(account, 1)
        rest = await inbox.changes(middle.highestmodseq)
        expect_equal(list(rest.changed), [new], "only the new message has changed since then")
        expect_equal(list(rest.vanished), [uids[0], uids[3]], "the expunged messages have vanished")
    if site.durable:
        async with site.open() as opened:
            again = await (await opened.inbox()).changes(before.highestmodseq)
            expect_equal(list(again.changed), [uids[1], new], "it is the same after a restart")
            expect_equal(list(again.vanished), [uids[0], uids[3]], "it is the same after a restart")


async def check_changes_have_the_rows_of_the_view(site: StoreSite) -> None:
    """`changes(since)` joins several changes of a message into one row. RFC 7162 §3.2."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        uids = await fill(account, 5)
        before = await inbox.view()
        await inbox.flag([uids[1]], FlagChange.ADD, ["\\Flagged"])
        await inbox.expunge([uids[0], uids[3]])
        (new,) = await fill(account, 1)
        whole = await inbox.changes(before.highestmodseq)
        expect_equal(
            list(whole.changed), [uids[1], new], "from further back both have changed, ascending"
        )
        expect_equal(list(whole.vanished), [uids[0], uids[3]], "both have vanished")
        expect(whole.complete, "the store knows all that vanished")
        view = await inbox.view()
        expect_equal(
            whole.highestmodseq, view.highestmodseq, "the changes lead to the newest MODSEQ"
        )
        expect_equal(whole.uidnext, view.uidnext, "the changes lead to UIDNEXT")
        at = view.uids.index(uids[1])
        row = (whole.flags[0], whole.modseqs[0], whole.sizes[0], whole.received[0])
        same = (view.flags[at], view.modseqs[at], view.sizes[at], view.received[at])
        expect_equal(row, same, "the rows are those of the view")
        nothing = await inbox.changes(view.highestmodseq)
        expect_equal(
            (len(nothing.changed), len(nothing.vanished)),
            (0, 0),
            "nothing has changed after the newest MODSEQ",
        )


async def check_flags(site: StoreSite) -> None:
    """ADD, REMOVE, REPLACE; only real changes take a MODSEQ; what is gone is passed over."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        one, two, three = await fill(account, 3)
        result = await inbox.flag([one, two, 99_999], FlagChange.ADD, ["\\Seen", "$Work"])
        expect(result.modseq > 0 and not result.refused, "the change has a MODSEQ")
        seen = frozenset({"\\Seen", "$Work"})
        expect_equal(
            await flags_of(inbox), {one: seen, two: seen, three: frozenset()}, "ADD adds flags"
        )
        await inbox.flag([one], FlagChange.REMOVE, ["\\Seen", "\\Draft", "Unknown"])
        await inbox.flag([two], FlagChange.REPLACE, ["\\Answered"])
        await inbox.flag([three], FlagChange.REPLACE, [])
        wanted = {one: {"$Work"}, two: {"\\Answered"}, three: set[str]()}
        expect_equal(await flags_of(inbox), wanted, "REMOVE and REPLACE do what they say")
        view = await inbox.view()
        again = await inbox.flag([one], FlagChange.ADD, ["$Work"])
        expect_equal(again.modseq, 0, "what changes no flag takes no MODSEQ")
        expect(await inbox.view() is view, "what changes no flag makes no view")
        await inbox.flag([one], FlagChange.ADD, ["\\seen", "$WORK"])
        wanted = {one: {"$Work", "\\Seen"}, two: {"\\Answered"}, three: set()}
        expect_equal(await flags_of(inbox), wanted, "flags have no case. RFC 9051 §2.3.2")
        record = (await account.mailbox("INBOX")).record
        expect_equal((record.unseen, record.deleted), (2, 0), "the record counts flags")
        await inbox.flag([one, two], FlagChange.REPLACE, ["\\Deleted"])
        record = (await account.mailbox("INBOX")).record
        expect_equal((record.unseen, record.deleted), (3, 2), "the record counts flags")
        wanted = {one: {"\\Deleted"}, two: {"\\Deleted"}, three: set()}
    if site.durable:
        async with site.open() as opened:
            expect_equal(
                await flags_of(await opened.inbox()), wanted, "it is the same after a restart"
            )


async def check_unchanged_since(site: StoreSite) -> None:
    """Messages with a later MODSEQ are refused, others changed. RFC 7162 §3.1.3."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        one, two = await fill(account, 2)
        known = (await inbox.view()).highestmodseq
        await inbox.flag([one], FlagChange.ADD, ["\\Flagged"])
        result = await inbox.flag([one, two], FlagChange.ADD, ["\\Seen"], unchanged_since=known)
        expect_equal(list(result.refused), [one], "the message that changed since is refused")
        flags = await flags_of(inbox)
        expect_equal(
            flags, {one: {"\\Flagged"}, two: {"\\Seen"}}, "only the other message is changed"
        )


async def check_keywords_up_to_the_bound(site: StoreSite) -> None:
    """KEYWORDS_PER_MAILBOX fit; one more is LimitReached and changes nothing."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        (uid,) = await fill(account, 1)
        words = [f"$Word{n}" for n in range(KEYWORDS_PER_MAILBOX)]
        await inbox.flag([uid], FlagChange.ADD, words)
        expect_equal(
            await flags_of(inbox), {uid: frozenset(words)}, "KEYWORDS_PER_MAILBOX keywords fit"
        )
        with refused(LimitReached, "one more keyword"):
            await inbox.flag([uid], FlagChange.REPLACE, ["\\Seen", "OneMore"])
        with refused(LimitReached, "one more keyword at an append"):
            await account.append(append("x", flags=["OneMore"]))
        expect_equal(
            await flags_of(inbox), {uid: frozenset(words)}, "a refused keyword changes nothing"
        )
        await account.append(append("y", flags=["$Word3"]))


async def check_expunge_unchanged_since(site: StoreSite) -> None:
    """Messages that changed after the caller's view are not expunged."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        uids = await fill(account, 4)
        await inbox.flag(uids[:3], FlagChange.ADD, ["\\Deleted"])
        seen = (await inbox.view()).highestmodseq
        await inbox.flag([uids[1]], FlagChange.REMOVE, ["\\Deleted"])
        chosen = [*uids[:3], 77_777]
        gone = await inbox.expunge(chosen, unchanged_since=seen)
        expect_equal(list(gone), [uids[0], uids[2]], "those that had not changed are removed")
        expect_equal(list((await inbox.view()).uids), [uids[1], uids[3]], "the others stay")
        gone = await inbox.expunge([uids[1]], unchanged_since=seen)
        expect_equal(list(gone), [], "a message that changed since stays")


async def check_expunge(site: StoreSite) -> None:
    """Exactly the named messages are expunged, whatever their flags; a second time none is."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        uids = await fill(account, 4)
        gone = await inbox.expunge({uids[2], uids[0], 77_777})
        expect_equal(list(gone), [uids[0], uids[2]], "those that were there are named, ascending")
        modseq = (await inbox.view()).highestmodseq
        expect_equal(list(await inbox.expunge([uids[0]])), [], "a second expunge removes nothing")
        expect_equal(
            (await inbox.view()).highestmodseq,
            modseq,
            "an expunge that removes nothing takes no MODSEQ",
        )
        with refused(MessageExpunged, "an expunged message has no body"):
            await inbox.body(uids[0])
        expect_equal(
            list(await inbox.summaries([uids[0]])), [None], "an expunged message has no summary"
        )
        expect_equal(await subjects(inbox), ["m1", "m3"], "the others stay")
        await opened.host.retire()
        expect_equal(await subjects(inbox), ["m1", "m3"], "the others stay when bodies are settled")


async def check_copy(site: StoreSite) -> None:
    """Copies have content, flags and dates, in UID order; all or none. RFC 9051 §6.4.7."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        await account.create("Target")
        await account.append(append("other", "Target", flags=["$Only", "$There"]))
        one, two, three = await fill(account, 3)
        await inbox.flag([three], FlagChange.ADD, ["\\Flagged", "$Mine", "$There"])
        result = await inbox.copy([three, one, 88_888], "Target")
        target = await account.mailbox("Target")
        view = await target.view()
        expect_equal(result.source_uids, (one, three), "the sources are in UID order")
        expect_equal(
            list(result.target_uids), list(view.uids[1:]), "the targets are in the same order"
        )
        expect_equal(result.uidvalidity, view.uidvalidity, "COPYUID has the target's UIDVALIDITY")
        expect_equal(await subjects(target), ["other", "m0", "m2"], "the bodies are copied")
        expect_equal(view.received[2], int(WHEN.timestamp()), "INTERNALDATE is copied")
        flags = await flags_of(target)
        expect_equal(
            flags[view.uids[2]], {"\\Flagged", "$Mine", "$There"}, "flags are copied by name"
        )
        expect_equal(await subjects(inbox), ["m0", "m1", "m2"], "the sources stay")
        summaries = await inbox.summaries([three]), await target.summaries([view.uids[2]])
        ids = [found[0].email_id for found in summaries if found[0]]
        expect_equal(ids[0], ids[1], "copies share the email id. RFC 8474")
        with refused(MailboxNotFound, "a missing target"):
            await inbox.copy([one], "nowhere")
        await inbox.expunge([one, two, three])
        await opened.host.retire()
        expect_equal(await subjects(target), ["other", "m0", "m2"], "copies outlive the sources")
        twice = await target.copy(list(view.uids), "Target")
        expect_equal(len(twice.target_uids), 3, "a mailbox can be copied into itself")
        expect_equal(len(await target.view()), 6, "the copies are new messages")


async def check_move(site: StoreSite) -> None:
    """A move copies and expunges in one step. RFC 6851."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        await account.create("Target")
        uids = await fill(account, 3)
        await inbox.flag([uids[1]], FlagChange.ADD, ["\\Answered"])
        since = (await inbox.view()).highestmodseq
        result = await inbox.move([uids[0], uids[1]], "Target")
        target = await account.mailbox("Target")
        expect_equal(result.source_uids, (uids[0], uids[1]), "the sources are named")
        expect_equal(await subjects(target), ["m0", "m1"], "moved messages are in the target")
        expect_equal(await subjects(inbox), ["m2"], "moved messages are not in the source")
        expect_equal(
            (await flags_of(target))[result.target_uids[1]], {"\\Answered"}, "flags are moved"
        )
        changes = await inbox.changes(since)
        expect_equal(
            list(changes.vanished), list(uids[:2]), "moved messages have vanished from the source"
        )
        with refused(MailboxNotFound, "a missing target"):
            await inbox.move([uids[2]], "nowhere")
        expect_equal(await subjects(inbox), ["m2"], "a move that failed moves nothing")
        nothing = await inbox.move([uids[0]], "Target")
        expect_equal(nothing.source_uids, (), "what is gone is passed over")
        await opened.host.retire()
        expect_equal(await subjects(target), ["m0", "m1"], "the bodies stay when they are settled")


async def check_wait_changed_wakes(site: StoreSite) -> None:
    """A waiter wakes within a second; a change in the past does not let it wait."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        await fill(account, 1)
        view = await inbox.view()
        with in_time("a change in the past is not waited for", WAKE_SECONDS):
            await inbox.wait_changed(view.highestmodseq - 1)
        woken = trio.Event()

        async def wait() -> None:
            await inbox.wait_changed(view.highestmodseq)
            woken.set()

        async with trio.open_nursery() as nursery, account.changes() as channel:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            expect(not woken.is_set(), "nobody wakes before something has changed")
            stored = await account.append(Append("INBOX", message("new"), WHEN))
            with in_time("a waiter wakes", WAKE_SECONDS):
                await woken.wait()
                expect_equal(
                    await channel.receive(),
                    stored.mailbox_id,
                    "the account's channel has the mailbox",
                )


CHANGE_CHECKS: Final = (
    check_views_are_immutable_and_shared,
    check_changes_are_resumable,
    check_changes_have_the_rows_of_the_view,
    check_flags,
    check_unchanged_since,
    check_keywords_up_to_the_bound,
    check_expunge,
    check_expunge_unchanged_since,
    check_copy,
    check_move,
    check_wait_changed_wakes,
)
