"""A big message for many accounts."""

from __future__ import annotations

import os
import shutil

import pytest
from thurn.plugin import SPILL_OCTETS, AccountId, Append, Blob, Content
from thurn_store_spool.body.summary import summarise
from thurn_store_spool.cache.bounds import SHARED_SUMMARY_OCTETS
from thurn_testing.contracts.storesite import WHEN, message

NAMES = [AccountId(f"u{number}") for number in range(5)]
PREFIXES = [
    b"Return-Path: <x@example.org>\r\nDelivered-To: u@example.org\r\n",
    b"Subject: another\r\nX-A: b\r\n",
    b"Content-Type: text/html\r\n",
    b"no field\r\n",
    b"X-Open: end",
    b"",
]


@pytest.fixture
def blob(tmp_path):
    path = tmp_path / "spooled"
    path.write_bytes(message("big").read() + b"x" * SPILL_OCTETS + b"\r\n")
    return Blob(path=path)


def found(directory):
    return sorted(directory.glob("accounts/*/*/bodies/*/*"))


async def store_in(store, name, blob, prefix=PREFIXES[0]):
    account = await store.open(name, None)
    deposit = account.prepare(Append("INBOX", Content(blob, prefix), WHEN))
    await deposit.place()
    await account._environment.commit_log.commit(deposit.changes)
    return account


async def read(account):
    inbox = await account.mailbox("INBOX")
    (uid,) = (await inbox.view()).uids
    return (await inbox.body(uid)).read()


async def test_the_octets_are_on_the_disk_once(bench, blob):
    async with bench.open() as store:
        accounts = [await store_in(store, name, blob) for name in NAMES]
        inodes = {path.stat().st_ino for path in found(bench.directory)}
        assert (len(found(bench.directory)), len(inodes)) == (len(NAMES), 1)
        gone, *left = accounts
        shutil.rmtree(gone._index.directory)  # an account is whole, and so are the others
        for account in left:
            assert await read(account) == PREFIXES[0] + blob.read()


@pytest.mark.parametrize("trouble", [OSError(18, "EXDEV"), PermissionError(1, "EPERM")])
async def test_without_links_it_is_copied(bench, blob, monkeypatch, trouble):
    def refuse(*_arguments, **_options):
        raise trouble

    monkeypatch.setattr(os, "link", refuse)
    async with bench.open() as store:
        for name in NAMES:
            assert await read(await store_in(store, name, blob)) == PREFIXES[0] + blob.read()
    assert len({path.stat().st_ino for path in found(bench.directory)}) == len(NAMES)


async def test_long_headers_are_not_kept_in_memory(bench, tmp_path):
    path = tmp_path / "long"
    path.write_bytes(
        b"Subject: " + b"x" * SHARED_SUMMARY_OCTETS + b"\r\n\r\n" + b"x" * SPILL_OCTETS
    )
    blob = Blob(path=path)
    async with bench.open() as store:
        for name in NAMES[:2]:
            account = await store_in(store, name, blob)
            assert await read(account) == PREFIXES[0] + blob.read()
        assert not account._environment.shared._shared


async def test_the_first_may_have_gone(bench, blob):
    async with bench.open() as store:
        await store_in(store, NAMES[0], blob)
        found(bench.directory)[0].unlink()
        for name in NAMES[1:]:
            assert await read(await store_in(store, name, blob)) == PREFIXES[0] + blob.read()
    assert len({path.stat().st_ino for path in found(bench.directory)}) == 1


@pytest.mark.parametrize("start", [b"", b" folded\r\n", b"\r\n"])
async def test_what_the_index_keeps_is_that_of_the_whole(bench, tmp_path, start):
    path = tmp_path / "spooled"
    path.write_bytes(start + message("big").read() + b"x" * SPILL_OCTETS)
    blob = Blob(path=path)
    async with bench.open() as store:
        for number, prefix in enumerate(PREFIXES):
            account = await store.open(AccountId(f"p{number}"), None)
            deposit = account.prepare(Append("INBOX", Content(blob, prefix), WHEN))
            await deposit.place()
            assert deposit._summary == summarise(Content(blob, prefix)), prefix
            assert deposit._append.content._scan is None  # whose octets would stay in memory
