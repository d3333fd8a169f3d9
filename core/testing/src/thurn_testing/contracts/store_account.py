"""Store kit: annotations, documents with history, remembered keys, usage."""

from __future__ import annotations

from typing import Final

from thurn.contracts.store import Append, SupportsUsage
from thurn.types.errors import DocumentNotFound

from thurn_testing.contracts.expectation import expect, expect_equal, refused
from thurn_testing.contracts.storesite import WHEN, StoreSite, fill, message


async def check_annotations(site: StoreSite) -> None:
    """Annotations of mailboxes and of the account are set and removed. RFC 5464."""
    async with site.open() as opened:
        account = await opened.account()
        inbox = await account.mailbox("INBOX")
        expect_equal(dict(await inbox.annotations()), {}, "a mailbox has no annotations at first")
        await inbox.annotate("/private/comment", b"one")
        await inbox.annotate("/private/comment", b"two \x00\xff")
        await inbox.annotate("/shared/x", b"")
        await account.annotate("/private/comment", b"account")
        kept = {"/private/comment": b"two \x00\xff", "/shared/x": b""}
        expect_equal(dict(await inbox.annotations()), kept, "the last value counts")
        expect_equal(
            dict(await account.annotations()),
            {"/private/comment": b"account"},
            "the account's are its own",
        )
        await inbox.annotate("/shared/x", None)
        await inbox.annotate("/never/there", None)
        await account.rename("INBOX", "Old")
    if site.durable:
        async with site.open() as opened:
            kept = {"/private/comment": b"two \x00\xff"}
            expect_equal(
                dict(await (await opened.inbox()).annotations()),
                kept,
                "annotations outlive a restart",
            )


async def check_documents(site: StoreSite) -> None:
    """Every change is a version; at most one of a kind is active; history outlives deletion."""
    async with site.open() as opened:
        account = await opened.account()
        expect_equal(
            list(await account.documents("sieve")), [], "an account has no documents at first"
        )
        first = await account.put_document("sieve", "main", b"keep;")
        second = await account.put_document("sieve", "main", b"discard;")
        await account.put_document("sieve", "../b", b"stop;")
        await account.put_document("setting", "main", b"{}")
        expect_equal((first.version, second.version), (1, 2), "versions count from 1")
        with refused(DocumentNotFound, "an absent document cannot become active"):
            await account.activate_document("sieve", "absent")
    if site.durable:
        async with site.open() as opened:
            history = await (await opened.account()).document_history("sieve", "main")
            wanted = [(1, b"keep;"), (2, b"discard;")]
            expect_equal(
                [(d.version, d.content) for d in history], wanted, "the history outlives a restart"
            )
            expect_equal(
                len(await (await opened.account()).documents("setting")),
                1,
                "each kind is listed alone",
            )


async def check_active_documents(site: StoreSite) -> None:
    """Not more than one document of a kind is active. RFC 5804 §2.8."""
    async with site.open() as opened:
        account = await opened.account()
        for name, content in (("main", b"1"), ("main", b"2"), ("../b", b"stop;")):
            await account.put_document("sieve", name, content)
        expect_equal(await account.active_document("sieve"), None, "no document is active at first")
        await account.activate_document("sieve", "main")
        third = await account.put_document("sieve", "main", b"keep; #3")
        expect(third.active, "a new version stays active")
        expect_equal(await account.active_document("sieve"), third, "the newest version is active")
        expect_equal(await account.active_document("other"), None, "each kind has its own")
        listed = [(d.name, d.version, d.active) for d in await account.documents("sieve")]
        expect_equal(
            listed, [("../b", 1, False), ("main", 3, True)], "the newest versions in name order"
        )
        await account.activate_document("sieve", "../b")
        listed = [(d.name, d.version, d.active) for d in await account.documents("sieve")]
        expect_equal(
            listed,
            [("../b", 1, True), ("main", 3, False)],
            "one document of a kind is active at a time",
        )
        await account.activate_document("sieve", None)
        expect(
            not any(d.active for d in await account.documents("sieve")),
            "None makes no document active",
        )
        expect_equal(await account.active_document("sieve"), None, "None makes no document active")


async def check_document_versions(site: StoreSite) -> None:
    """Old versions can be read, also of what was deleted; version numbers are not used again."""
    async with site.open() as opened:
        account = await opened.account()
        for content in (b"keep;", b"discard;", b"keep; #3"):
            await account.put_document("sieve", "main", content)
        old = await account.document("sieve", "main", version=1)
        expect_equal(old.content if old else None, b"keep;", "old versions can be read")
        expect_equal(await account.document("sieve", "absent"), None, "an absent document is None")
        expect_equal(
            await account.document("sieve", "main", version=9), None, "an absent document is None"
        )
        expect(
            await account.delete_document("sieve", "main"),
            "deleting says that the document was there",
        )
        expect(
            not await account.delete_document("sieve", "main"),
            "deleting again says that it was not",
        )
        expect_equal(await account.document("sieve", "main"), None, "a deleted document is absent")
        fourth = await account.put_document("sieve", "main", b"again")
        expect_equal(fourth.version, 4, "the number of a version is never used again")
    if site.durable:
        async with site.open() as opened:
            account = await opened.account()
            history = await account.document_history("sieve", "main")
            wanted = [(1, b"keep;"), (2, b"discard;"), (3, b"keep; #3"), (4, b"again")]
            expect_equal(
                [(d.version, d.content) for d in history], wanted, "the history outlives a restart"
            )


async def check_deleting_the_active_document(site: StoreSite) -> None:
    """When the active document is deleted, none is active, nor is a later one of its name."""
    async with site.open() as opened:
        account = await opened.account()
        await account.put_document("sieve", "main", b"keep;")
        await account.activate_document("sieve", "main")
        await account.delete_document("sieve", "main")
        expect_equal(
            await account.active_document("sieve"), None, "a deleted document is not active"
        )
        again = await account.put_document("sieve", "main", b"keep;")
        expect(not again.active, "a document made anew is not active by itself")
        expect_equal(
            await account.active_document("sieve"), None, "a document made anew is not active"
        )


async def check_remembered_keys(site: StoreSite) -> None:
    """`remember` is committed with other deposits and lives as long as it was given."""
    async with site.open() as opened:
        account = await opened.account()
        expect(not await account.seen("vacation ann"), "a key that nobody remembered is not seen")
        record = account.remember("vacation ann", lifetime_seconds=3_600)
        deposit = account.prepare(Append("INBOX", message("x"), WHEN))
        await opened.commit(record, deposit)
        expect(await account.seen("vacation ann"), "a remembered key is seen")
        expect(not await account.seen("vacation bob"), "another key is not")
        short = account.remember("short", lifetime_seconds=0)
        await opened.commit(short)
        expect(not await account.seen("short"), "a key whose lifetime is 0 is not seen")
        gone = account.remember("aborted", lifetime_seconds=3_600)
        await gone.abort()
        expect(not await account.seen("aborted"), "an aborted deposit remembers nothing")
    if site.durable:
        async with site.open() as opened:
            expect(
                await (await opened.account()).seen("vacation ann"),
                "a remembered key outlives a restart",
            )


async def check_usage(site: StoreSite) -> None:
    """A store that offers `SupportsUsage` is exact."""
    async with site.open() as opened:
        account = await opened.account()
        usage = account.ability(SupportsUsage)  # type: ignore[type-abstract]
        if usage is None:
            return
        start = await usage.usage()
        expect_equal((start.octets, start.messages), (0, 0), "an empty account uses nothing")
        await account.create("b")
        uids = await fill(account, 3)
        inbox = await account.mailbox("INBOX")
        await inbox.copy(uids[:1], "b")
        size = message("m0").size_octets
        used = await usage.usage()
        expect_equal(
            (used.octets, used.messages), (4 * size, 4), "copies count as messages of their own"
        )
        await inbox.move(uids[1:2], "b")
        await inbox.expunge(uids[2:])
        used = await usage.usage()
        expect_equal(
            (used.octets, used.messages),
            (3 * size, 3),
            "moved messages count once, expunged ones not at all",
        )
        await account.delete("b")
        used = await usage.usage()
        expect_equal(
            (used.octets, used.messages),
            (size, 1),
            "the messages of a deleted mailbox do not count",
        )
        expect(account.ability(dict) is None, "an ability that the store does not have is None")


ACCOUNT_CHECKS: Final = (
    check_annotations,
    check_documents,
    check_active_documents,
    check_document_versions,
    check_deleting_the_active_document,
    check_remembered_keys,
    check_usage,
)
