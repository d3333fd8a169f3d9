"""Store kit: the tree of mailboxes; hostile names; subscriptions."""

from __future__ import annotations

from typing import Final

from thurn.contracts.store import Append, FlagChange
from thurn.types.errors import (
    MailboxExists,
    MailboxNameRefused,
    MailboxNotFound,
    NotPermitted,
)
from thurn.types.identity import AccountId, Identity

from thurn_testing.contracts.expectation import expect, expect_equal, refused
from thurn_testing.contracts.storesite import (
    ALICE,
    WHEN,
    StoreSite,
    fill,
    message,
    subjects,
)

HOSTILE_NAMES: Final = (
    "",
    "/",
    "..",
    "../",
    "../../etc/passwd",
    "/etc/passwd",
    "~",
    "~root",
    "a//b",
    "a/",
    "/a",
    ".",
    "a/../b",
    "a/./b",
    "a\x00b",
    "a\r\nb",
    "a\nb",
    "\x7f",
    "a\x1b[2J",
    "a\u2028b",
    "a\x85b",
    "\ud800",
    "x" * 5_000,
    "ü" * 1_000,
    "/".join("a" * 500),
    "index.db",
    "bodies",
    "cur",
    "dovecot.index",
    "*",
    "%",
    "&-",
    "&AOQ",
    "&2AA-",
    'quote"quote',
    "back\\slash",
    "'; DROP TABLE mailbox; --",
    " ",
    " leading",
    "INBOX ",
    "é",
    "e\u0301",
    "\N{PILE OF POO}",
    "#news",
    "\u202ereversed",
)


async def check_create_and_delete(site: StoreSite) -> None:
    """Parents come with a mailbox, children stay without it; a new one has new numbers."""
    async with site.open() as opened:
        account = await opened.account()
        slash = account.separator
        deep = slash.join(["a", "b", "c"])
        record = await account.create(deep, special_use=["\\Archive"])
        expect_equal(
            (record.name, record.special_use),
            (deep, {"\\Archive"}),
            "the record is of the mailbox that was made",
        )
        names = ["INBOX", "a", slash.join("ab"), deep]
        expect_equal(
            [m.name for m in await account.mailboxes()], names, "parents are made with a mailbox"
        )
        with refused(MailboxExists, "a name that is taken"):
            await account.create(deep)
        with refused(MailboxExists, "INBOX, which is taken in any case"):
            await account.create("inBox")
        await account.append(Append("a", message("x"), WHEN))
        old = (await account.mailbox("a")).record
        await account.delete("a")
        expect_equal(
            [m.name for m in await account.mailboxes()],
            [names[0], *names[2:]],
            "the children of a deleted mailbox stay",
        )
        with refused(MailboxNotFound, "a deleted mailbox"):
            await account.mailbox("a")
        with refused(MailboxNotFound, "deleting twice"):
            await account.delete("a")
        with refused(NotPermitted, "INBOX, which cannot be deleted. RFC 9051 §6.3.5"):
            await account.delete("INBOX")
        new = await account.create("a")
        expect(new.id != old.id, "ids are never given again. RFC 8474")
        expect(new.uidvalidity > old.uidvalidity, "another mailbox has another UIDVALIDITY")
        expect_equal(new.messages, 0, "a mailbox made anew is empty")
        expect_equal(
            len(await (await account.mailbox("a")).view()),
            0,
            "the view of a mailbox made anew is empty",
        )


async def check_a_deleted_mailbox_under_a_session(site: StoreSite) -> None:
    """A handle of a mailbox that is deleted says so and changes nothing."""
    async with site.open() as opened:
        account = await opened.account()
        await account.create("a")
        (uid,) = await fill(account, 1, "a")
        mailbox = await account.mailbox("a")
        await mailbox.view()
        await account.delete("a")
        await account.create("a")
        for call in (
            mailbox.view(),
            mailbox.changes(0),
            mailbox.expunge([uid]),
            mailbox.body(uid),
            mailbox.bodies([uid]),
        ):
            with refused(MailboxNotFound, "a handle whose mailbox is gone"):
                await call


async def check_a_record_stays_as_it_was_resolved(site: StoreSite) -> None:
    """`Mailbox.record` is of the moment when the name was resolved, and needs no I/O."""
    async with site.open() as opened:
        account = await opened.account()
        uids = await fill(account, 2, "a")
        mailbox = await account.mailbox("a")
        known = mailbox.record
        expect_equal(
            (known.name, known.messages, known.unseen),
            ("a", 2, 2),
            "the record has name and counts",
        )
        await fill(account, 1, "a")
        await mailbox.flag(uids, FlagChange.ADD, ["\\Seen"])
        await mailbox.view()
        expect_equal(mailbox.record, known, "changes and views do not touch it")
        newer = (await account.mailbox("a")).record
        found = (newer.messages, newer.unseen, newer.highestmodseq > known.highestmodseq)
        expect_equal(found, (3, 1, True), "whoever asks again gets newer numbers")
        await account.subscribe("a", True)
        await account.rename("a", "b")
        expect_equal(mailbox.record, known, "another name does not touch it")
        await account.delete("b")
        expect_equal(mailbox.record, known, "it stays when the mailbox is gone")
    expect_equal(mailbox.record, known, "it stays when the store is closed")


async def check_rename(site: StoreSite) -> None:
    """A rename takes children along and makes parents; ids and UIDs stay. RFC 9051 §6.3.6."""
    async with site.open() as opened:
        account = await opened.account()
        slash = account.separator
        await account.create(slash.join(["a", "b"]))
        await account.create("ab")
        await fill(account, 2, "a")
        mailbox = await account.mailbox("a")
        old = mailbox.record
        await account.rename("a", slash.join(["x", "y"]))
        wanted = ["INBOX", "ab", "x", slash.join("xy"), slash.join("xyb")]
        expect_equal(
            [m.name for m in await account.mailboxes()],
            wanted,
            "the children are renamed, and new parents made",
        )
        new = (await account.mailbox(slash.join("xy"))).record
        expect_equal(
            (new.id, new.uidvalidity), (old.id, old.uidvalidity), "id and UIDVALIDITY stay"
        )
        expect_equal(
            await subjects(mailbox), ["m0", "m1"], "an open handle stays with the renamed mailbox"
        )
        with refused(MailboxNotFound, "the old name after a rename"):
            await account.mailbox("a")
        with refused(MailboxExists, "a target that is taken"):
            await account.rename("ab", "x")
        with refused(MailboxExists, "INBOX as a target"):
            await account.rename("ab", "inbox")
        with refused(MailboxNotFound, "a missing source"):
            await account.rename("nowhere", "z")
        with refused(MailboxNameRefused, "a rename into itself"):
            await account.rename("x", slash.join(["x", "y", "z"]))
        expect_equal(
            [m.name for m in await account.mailboxes()],
            wanted,
            "a rename that failed changes nothing",
        )


async def check_rename_upwards(site: StoreSite) -> None:
    """Below a parent that is gone, a child takes the name that its own parent leaves."""
    async with site.open() as opened:
        account = await opened.account()
        slash = account.separator
        await account.create(slash.join("aaa"))
        await account.create(slash.join("aab"))
        await account.delete("a")
        ids = {m.name: m.id for m in await account.mailboxes()}
        await account.rename(slash.join("aa"), "a")
        wanted = {
            "INBOX": ids["INBOX"],
            "a": ids[slash.join("aa")],
            slash.join("aa"): ids[slash.join("aaa")],
            slash.join("ab"): ids[slash.join("aab")],
        }
        found = {m.name: m.id for m in await account.mailboxes()}
        expect_equal(found, wanted, "all names have moved up")
        await account.create("b")
        await account.create(slash.join("cb"))
        await account.delete("c")
        with refused(MailboxExists, "a target that does not move away"):
            await account.rename(slash.join("cb"), "b")


async def check_rename_of_inbox(site: StoreSite) -> None:
    """A rename of INBOX moves its messages; INBOX and its children stay. RFC 9051 §6.3.6."""
    async with site.open() as opened:
        account = await opened.account()
        child = account.separator.join(["INBOX", "child"])
        await account.create(child)
        uids = await fill(account, 2)
        await account.rename("inbox", "Old")
        names = [m.name for m in await account.mailboxes()]
        expect_equal(names, ["INBOX", child, "Old"], "INBOX and its child keep their names")
        expect_equal(
            await subjects(await account.mailbox("Old")),
            ["m0", "m1"],
            "the messages of INBOX are moved",
        )
        inbox = await account.mailbox("INBOX")
        expect_equal(len(await inbox.view()), 0, "INBOX is empty afterwards")
        (new,) = await fill(account, 1)
        expect(new > uids[-1], "INBOX goes on with new UIDs")


async def check_hostile_names(site: StoreSite) -> None:
    """An odd name is refused as a whole or stored as data; the listing stays well-formed."""
    async with site.open() as opened:
        account = await opened.account()
        made: list[str] = []
        for name in HOSTILE_NAMES:
            try:
                record = await account.create(name)
            except (MailboxNameRefused, MailboxExists):
                continue
            made.append(record.name)
            await account.append(Append(name, message("x"), WHEN))
            expect_equal(await subjects(await account.mailbox(name)), ["x"], f"{name!r} works")
        listed = [m.name for m in await account.mailboxes()]
        expect_equal(len(set(listed)), len(listed), "no name twice")
        expect(set(made) <= set(listed), "each mailbox that was made is listed")
        for name in listed:
            levels = name.split(account.separator)
            expect(all(levels), "no empty level is listed")
            expect(not any(ord(c) < 32 or ord(c) == 127 for c in name), "no control is listed")
            expect(len(name.encode()) <= 1_024, "names are bounded")
            expect(len(levels) <= 64, "levels are bounded")
        for name in HOSTILE_NAMES:
            with refused(MailboxNotFound, "an absent or impossible name is not found"):
                await account.mailbox(account.separator.join(["none", name]))
    if site.durable:
        async with site.open() as opened:
            account = await opened.account()
            again = [m.name for m in await account.mailboxes()]
            expect_equal(again, listed, "the names are the same after a restart")


async def check_subscriptions(site: StoreSite) -> None:
    """Names are subscribed, present or not; a deleted mailbox stays subscribed."""
    async with site.open() as opened:
        account = await opened.account()
        await account.create("a")
        await account.subscribe("a", True)
        await account.subscribe("absent", True)
        await account.subscribe("absent", True)
        expect_equal(
            sorted(await account.subscriptions()),
            ["a", "absent"],
            "names are subscribed with and without a mailbox",
        )
        records = {m.name: m.subscribed for m in await account.mailboxes()}
        expect_equal(
            records, {"INBOX": False, "a": True}, "a record says whether its name is subscribed"
        )
        await account.delete("a")
        await account.subscribe("absent", False)
        await account.subscribe("never", False)
        expect_equal(list(await account.subscriptions()), ["a"], "deleting does not unsubscribe")
        with refused(MailboxNameRefused, "a name that cannot be a mailbox"):
            await account.subscribe("a\r\nb", True)


async def check_strangers_see_nothing(site: StoreSite) -> None:
    """The identity of another account sees no mailbox: what is hidden is absent."""
    async with site.open() as opened:
        owner = await opened.account()
        await owner.create("a")
        await fill(owner, 1, "a")
        own = await opened.store.open(ALICE, Identity(ALICE, "alice", "PLAIN", True))
        expect_equal([m.name for m in await own.mailboxes()], ["INBOX", "a"], "the owner sees all")
        mallory = AccountId("mallory")
        other = await opened.store.open(ALICE, Identity(mallory, "mallory", "PLAIN", True))
        expect_equal(list(await other.mailboxes()), [], "a stranger sees nothing")
        for name in ("a", "INBOX", "absent"):
            with refused(MailboxNotFound, "any name, for a stranger"):
                await other.mailbox(name)


TREE_CHECKS: Final = (
    check_create_and_delete,
    check_a_deleted_mailbox_under_a_session,
    check_a_record_stays_as_it_was_resolved,
    check_rename,
    check_rename_upwards,
    check_rename_of_inbox,
    check_hostile_names,
    check_subscriptions,
    check_strangers_see_nothing,
)
