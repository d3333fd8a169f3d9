"""Store kit: messages go in whole, once, together, and come out octet for octet."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from thurn.contracts.store import CACHED_HEADERS, Append
from thurn.types.content import SPILL_OCTETS, Blob, Content
from thurn.types.errors import MailboxNotFound
from thurn_message.scanner import scan

from thurn_testing.contracts.expectation import expect, expect_equal, refused
from thurn_testing.contracts.storesite import (
    ALICE,
    BOB,
    WHEN,
    StoreSite,
    append,
    fill,
    message,
    subjects,
)

OCTETS: Final = (
    b"",
    b"\r\n",
    b"Subject: no body at all\r\n",
    b"Subject: a\r\n\r\n.\r\n..\r\n",
    b"Subject: \xe4\xff\r\nX: \x00\r\n\r\n\x00\x01\xfe\xff\r\nno end",
    b"no header, only text",
    b"Subject: many lines\r\n\r\n" + b"0123456789\r\n" * 5_000,
)
"""Messages with unusual octets; a store returns each of them unchanged."""

MULTIPART: Final = (
    b"Received: by somewhere\r\nFrom: a@b.example\r\nTo: c@d.example,\r\n  e@f.example\r\n"
    b"Subject: =?utf-8?q?caf=C3=A9?=\r\nMIME-Version: 1.0\r\nList-Id: <l.example>\r\n"
    b'Content-Type: multipart/mixed; boundary="xx"\r\n\r\npreamble\r\n--xx\r\n\r\ntext\r\n'
    b"--xx\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
    b"--xx--\r\n"
)


async def check_inbox_is_always_there(site: StoreSite) -> None:
    """INBOX exists from the beginning, in any case. RFC 9051 §5.1."""
    async with site.open() as opened:
        account = await opened.account()
        expect_equal(
            [m.name for m in await account.mailboxes()], ["INBOX"], "a new account has only INBOX"
        )
        record = (await account.mailbox("INBOX")).record
        for name in ("inbox", "InBox"):
            record = (await account.mailbox(name)).record
            expect_equal(record.name, "INBOX", "INBOX is written in capitals")
        expect(record.uidvalidity > 0, "UIDVALIDITY is at least 1")
        view = await (await account.mailbox("INBOX")).view()
        expect_equal((len(view), view.uidnext >= 1), (0, True), "a new mailbox is empty")
        with refused(MailboxNotFound, "a mailbox that nobody made is absent"):
            await account.mailbox("INBOX2")


async def check_append_gives_ascending_uids(site: StoreSite) -> None:
    """Each message gets the next UID and MODSEQ, and is seen at once. RFC 9051 §2.3.1.1."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        view = await inbox.view()
        last_uid, last_modseq = 0, view.highestmodseq
        for number in range(4):
            stored = await account.append(append(f"m{number}", flags=("\\Seen", "$Work")))
            view = await inbox.view()
            expect(stored.uid > last_uid, "UIDs ascend strictly")
            expect_equal(view.uids[-1], stored.uid, "the view has the message at once")
            expect(view.highestmodseq > last_modseq, "MODSEQ grows with each message")
            expect_equal(view.modseqs[-1], view.highestmodseq, "a new message has the MODSEQ")
            expect(view.uidnext > stored.uid, "UIDNEXT is above the last UID")
            expect_equal(
                stored.uidvalidity, view.uidvalidity, "APPENDUID has the mailbox's UIDVALIDITY"
            )
            expect_equal(
                stored.mailbox_id, view.mailbox_id, "a deposit says in which mailbox it is"
            )
            expect_equal(view.sizes[-1], message(f"m{number}").size_octets, "the view has the size")
            expect_equal(view.received[-1], int(WHEN.timestamp()), "the view has INTERNALDATE")
            last_uid, last_modseq = stored.uid, view.highestmodseq
        names = {view.flag_names[bit] for bit in range(64) if view.flags[0] >> bit & 1}
        expect_equal(names, {"\\Seen", "$Work"}, "the flags are those of the append")
        record = (await account.mailbox("INBOX")).record
        expect_equal((record.messages, record.unseen), (4, 0), "the record counts messages")
        expect_equal(record.size_octets, sum(view.sizes), "the record sums their sizes")


async def check_bodies_come_out_octet_for_octet(site: StoreSite) -> None:
    """Prefix and blob are what was given, from the log and from the final place, after all."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        given: dict[int, bytes] = {}
        for octets in OCTETS:
            blob = Blob(octets)
            for prefix in (b"", b"Return-Path: <>\r\nDelivered-To: a@b\r\n"):
                content = Content(blob, prefix)
                stored = await account.append(Append("INBOX", content, WHEN))
                given[stored.uid] = prefix + octets
        for _place in ("log", "final", "final"):
            for uid, octets in given.items():
                content = await inbox.body(uid)
                expect_equal(content.read(), octets, "the message is what was given")
                expect_equal(content.size_octets, len(octets), "the content knows its size")
            asked = [max(given) + 1, *reversed(given)]
            found = [one and one.read() for one in await inbox.bodies(asked)]
            expect_equal(
                found, [given.get(uid) for uid in asked], "many messages are read with one look"
            )
            await opened.host.retire()
    if site.durable:
        async with site.open() as opened:
            inbox = await opened.inbox()
            for uid, octets in given.items():
                expect_equal(
                    (await inbox.body(uid)).read(),
                    octets,
                    "the message is the same after a restart",
                )


async def check_big_bodies(site: StoreSite) -> None:
    """A body over SPILL_OCTETS, in memory or in a file that goes away, is stored like others."""
    octets = b"Subject: big\r\n\r\n" + b"x" * 78 * (SPILL_OCTETS // 78 + 2)
    async with site.open() as opened:
        account = await opened.account()
        with TemporaryDirectory() as directory:
            path = Path(directory) / "spilled"
            path.write_bytes(octets)
            blobs = (Blob(octets), Blob(path=path))
            uids = [
                (await account.append(Append("INBOX", Content(blob, b"X: y\r\n"), WHEN))).uid
                for blob in blobs
            ]
        await opened.host.retire()
        inbox = await account.mailbox("INBOX")
        for uid in uids:
            expect_equal((await inbox.body(uid)).read(), b"X: y\r\n" + octets, "a big message")


async def check_summaries(site: StoreSite) -> None:
    """Summaries say what the scanner says of the octets, in the order asked."""
    async with site.open() as opened:
        account = await opened.account()
        contents = [Content(Blob(octets), b"Received: x\r\n") for octets in (*OCTETS, MULTIPART)]
        stored = await account.append_all([Append("INBOX", c, WHEN) for c in contents])
        inbox = await account.mailbox("INBOX")
        uids = [one.uid for one in stored]
        asked = [*reversed(uids), uids[-1] + 1_000, uids[0]]
        found = await inbox.summaries(asked)
        headers = [one.headers if one else None for one in found]
        expect_equal(list(await inbox.headers(asked)), headers, "headers alone")
        expect_equal(
            [s.uid if s else None for s in found],
            [*reversed(uids), None, uids[0]],
            "in the order asked, None for what is not there",
        )
        by_uid = {summary.uid: summary for summary in found if summary}
        for uid, content in zip(uids, contents, strict=True):
            octets = content.read()
            facts = scan(octets)
            cached = [octets[f.start : f.end] for f in facts.fields if f.name in CACHED_HEADERS]
            summary = by_uid[uid]
            expect_equal(summary.envelope, facts.envelope, "ENVELOPE")
            expect_equal(summary.bodystructure, facts.bodystructure, "BODYSTRUCTURE")
            expect_equal(summary.body, facts.body, "BODY")
            expect_equal(summary.header_octets, facts.header_end, "the header's length")
            expect_equal(summary.size_octets, len(octets), "RFC822.SIZE")
            expect_equal(summary.headers, b"".join(cached), "the cached fields")
            expect(summary.email_id, "an email id")


async def check_two_accounts_in_one_commit(site: StoreSite) -> None:
    """Deposits of several accounts can be committed together."""
    async with site.open() as opened:
        alice, bob = await opened.account(ALICE), await opened.account(BOB)
        blob = message("both").blob
        deposits = [
            handle.prepare(Append("INBOX", Content(blob, b"Delivered-To: x\r\n"), WHEN))
            for handle in (alice, bob, bob)
        ]
        expect_equal(
            len((await (await bob.mailbox("INBOX")).view()).uids), 0, "prepare alone stores nothing"
        )
        await opened.commit(*deposits)
        expect_equal(
            await subjects(await alice.mailbox("INBOX")), ["both"], "one deposit is one message"
        )
        expect_equal(
            await subjects(await bob.mailbox("INBOX")),
            ["both"] * 2,
            "two deposits are two messages",
        )
        expect_equal(
            [d.stored.uid > 0 for d in deposits],
            [True] * 3,
            "each deposit says where its message is",
        )
        expect_equal(set(await opened.store.accounts()), {ALICE, BOB}, "both accounts are listed")


async def check_a_failing_group_stores_nothing(site: StoreSite) -> None:
    """Deposits that go through the commit log are stored all or not at all."""
    async with site.open() as opened:
        alice, bob = await opened.account(ALICE), await opened.account(BOB)
        good = alice.prepare(append("good", flags=("$New",)))
        bad = bob.prepare(append("bad", "no such mailbox"))
        together = bool(good.changes)  # or the store has a durability of its own
        with refused(MailboxNotFound, "a missing mailbox without create"):
            await opened.commit(good, bad)
        await bad.abort()
        for handle in (alice, bob) if together else (bob,):
            view = await (await handle.mailbox("INBOX")).view()
            expect_equal(len(view), 0, "a group that failed has stored nothing")
        before = len(await (await alice.mailbox("INBOX")).view())
        uids = await fill(alice, 3)
        view = await (await alice.mailbox("INBOX")).view()
        expect_equal(list(view.uids)[before:], list(uids), "the next messages are stored")


async def check_an_aborted_deposit_stores_nothing(site: StoreSite) -> None:
    """An aborted deposit stores nothing, before and after its body was placed."""
    big = Content.of(b"Subject: big\r\n\r\n" + b"x" * SPILL_OCTETS)
    async with site.open() as opened:
        account = await opened.account()
        await account.prepare(append("aborted")).abort()
        deposit = account.prepare(Append("INBOX", big, WHEN))
        await deposit.place()
        await deposit.abort()
        await deposit.abort()
        expect_equal(
            len(await (await opened.inbox()).view()), 0, "an aborted deposit stores nothing"
        )


async def check_append_all_stores_all_or_none(site: StoreSite) -> None:
    """When one message cannot be stored, none is. RFC 3502."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        with refused(MailboxNotFound, "a missing mailbox without create"):
            await account.append_all([append("one"), append("two", "no such mailbox")])
        expect_equal(len(await inbox.view()), 0, "all messages are stored, or none")
        uids = await fill(account, 3)
        expect_equal(list((await inbox.view()).uids), list(uids), "the next messages are stored")


async def check_a_key_is_stored_once(site: StoreSite) -> None:
    """A repeat with the same key stores nothing and succeeds."""
    async with site.open() as opened:
        account = await opened.account()
        first = await account.append(Append("INBOX", message("one"), WHEN, key="t1 a@b"))
        again = await account.append(Append("INBOX", message("one"), WHEN, key="t1 a@b"))
        other = await account.append(Append("INBOX", message("two"), WHEN, key="t1 c@d"))
        expect(first.uid and other.uid, "different keys are different messages")
        expect_equal(again.uid, 0, "a repeat has UID 0")
        twice = [Append("INBOX", message("three"), WHEN, key="t2") for _ in range(2)]
        stored = await account.append_all(twice)
        expect_equal(
            [bool(one.uid) for one in stored],
            [True, False],
            "a repeat within one commit is recognised",
        )
        await account.append_all([append("none"), append("none")])
        wanted = ["one", "two", "three", "none", "none"]
        expect_equal(
            await subjects(await account.mailbox("INBOX")), wanted, "each message is stored once"
        )
    if site.durable:
        async with site.open() as opened:
            account = await opened.account()
            again = await account.append(Append("INBOX", message("one"), WHEN, key="t1 a@b"))
            expect_equal(again.uid, 0, "a repeat after a restart is recognised")


async def check_append_creates_on_demand(site: StoreSite) -> None:
    """`create` makes the mailbox and its parents in the same commit."""
    async with site.open() as opened:
        account = await opened.account()
        name = account.separator.join(["Lists", "thurn"])
        await account.append(Append(name, message("one"), WHEN, create=True))
        names = [m.name for m in await account.mailboxes()]
        expect_equal(names, ["INBOX", "Lists", name], "the mailbox and its parent are made")
        expect_equal(
            await subjects(await account.mailbox(name)),
            ["one"],
            "the message is in the new mailbox",
        )


async def check_uids_are_never_used_again(site: StoreSite) -> None:
    """No UID is given twice, after an expunge of the newest or a restart. RFC 9051 §2.3.1.1."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        uids = list(await fill(account, 3))
        await inbox.expunge(uids[1:])
        uids += await fill(account, 1)
        modseq = (await inbox.view()).highestmodseq
        await inbox.expunge(uids)
        view = await inbox.view()
        expect(view.highestmodseq > modseq, "an expunge takes a MODSEQ")
        validity, modseq, uidnext = view.uidvalidity, view.highestmodseq, view.uidnext
        expect(uidnext > uids[-1], "UIDNEXT stays above what was given")
        if not site.durable:
            uids += await fill(account, 1)
    if site.durable:
        async with site.open() as opened:
            account = await opened.account()
            view = await (await account.mailbox("INBOX")).view()
            expect_equal(view.uidvalidity, validity, "UIDVALIDITY is the same after a restart")
            expect(view.highestmodseq >= modseq, "HIGHESTMODSEQ never goes back")
            expect(view.uidnext >= uidnext, "UIDNEXT never goes back")
            uids += await fill(account, 1)
            view = await (await account.mailbox("INBOX")).view()
            expect(view.modseqs[-1] > modseq, "MODSEQ never goes back")
    expect_equal(uids, sorted(set(uids)), "UIDs ascend, and none is given twice")


APPEND_CHECKS: Final = (
    check_inbox_is_always_there,
    check_append_gives_ascending_uids,
    check_bodies_come_out_octet_for_octet,
    check_big_bodies,
    check_summaries,
    check_two_accounts_in_one_commit,
    check_a_failing_group_stores_nothing,
    check_an_aborted_deposit_stores_nothing,
    check_append_all_stores_all_or_none,
    check_a_key_is_stored_once,
    check_append_creates_on_demand,
    check_uids_are_never_used_again,
)
