"""A whole site at the limit: SMTP, LMTP and IMAP, real stores, real sockets."""

from __future__ import annotations

import imaplib
import smtplib
from contextlib import contextmanager

import pytest
import trio
from thurn.plugin import AccountId
from thurn_testing.server import open_server

BODY = b"Subject: x\r\n\r\n" + b"x" * 78 + b"\r\n"
TOGETHER = 20


@contextmanager
def client(site, listener):
    kind = smtplib.LMTP if listener == "lmtp" else smtplib.SMTP
    one = kind("127.0.0.1", site.port(listener), "client.example", timeout=60)
    try:
        one.ehlo_or_helo_if_needed()
        yield one
    finally:
        one.close()


def send(site, listener, *recipients, content=BODY, declared=False):
    """The answers to the recipients and to the end of data."""
    with client(site, listener) as one:
        one.mail("x@elsewhere.example", [f"SIZE={len(content)}"] if declared else [])
        answers = [one.rcpt(f"{who}@example.org")[0] for who in recipients]
        if not any(answer == 250 for answer in answers):
            return answers
        one.putcmd("data")
        one.getreply()
        one.send(content + b".\r\n")
        count = sum(answer == 250 for answer in answers) if listener == "lmtp" else 1
        return answers + [one.getreply()[0] for _ in range(count)]


async def messages(site, name="alice"):
    return sum(one.messages for one in await (await site.open_account(name)).mailboxes())


async def fill(site, name="alice"):
    """Leave no room for one more message of alice's ten."""
    for _ in range(10):
        assert (await site.in_thread(send, site, "mx", name))[-1] == 250


@pytest.fixture(params=["memory", "spool"])
async def site(request, tables, tmp_path):
    async with open_server(tables(request.param), tmp_path) as one:
        yield one


async def test_refused_at_rcpt_and_at_the_end_of_data(site):
    big = b"Subject: big\r\n\r\n" + b"x\r\n" * 40_000
    assert await site.in_thread(send, site, "mx", "alice", content=big, declared=True) == [452]
    assert await site.in_thread(send, site, "mx", "alice", content=big) == [250, 452]
    await fill(site)
    assert await site.in_thread(send, site, "mx", "alice") == [452]
    assert await site.in_thread(send, site, "mx", "alice", "bob") == [452, 250, 250]
    assert await messages(site) == 10
    assert await messages(site, "bob") == 1


async def test_one_of_two_recipients_of_lmtp_fails(site):
    big = b"Subject: big\r\n\r\n" + b"x\r\n" * 40_000
    answers = await site.in_thread(send, site, "lmtp", "alice", "bob", content=big)
    assert answers == [250, 250, 452, 250]


async def test_a_hold_ends_with_a_message_that_is_not_stored(site):
    record = await site.site.directory.account(AccountId("bob"))
    guard, account = site.site.products["guard", "quota"], await site.open_account("bob")
    await guard.set_limits(account, {"MESSAGE": 1})
    big = b"Subject: big\r\n\r\n" + b"x\r\n" * 40_000
    answers = await site.in_thread(send, site, "mx", "bob", "alice", content=big)
    assert answers == [250, 250, 452]  # without a queue all of it stays with the peer
    await guard.check_append(record, account, "INBOX", 1)
    assert (await site.in_thread(send, site, "mx", "bob")) == [250, 250]


async def test_deliveries_at_once_at_the_edge(site):
    answers = []

    async def one():
        answers.append((await site.in_thread(send, site, "mx", "alice"))[-1])

    async with trio.open_nursery() as nursery:
        for _ in range(TOGETHER):
            nursery.start_soon(one)
    assert answers.count(250) == 10
    assert answers.count(452) == TOGETHER - 10
    assert await messages(site) == 10


def work_at_the_limit(site):
    one = imaplib.IMAP4("127.0.0.1", site.port("imap"), timeout=60)
    one.login("alice", "secret")
    one.select("INBOX")
    said = [one.append("INBOX", None, None, BODY), one.copy("1", "INBOX")]
    one.create("Trash")
    moved = one._simple_command("MOVE", "1", "Trash")
    one.select("Trash")
    one.store("1", "+FLAGS", "\\Deleted")
    one.expunge()
    room = one.append("INBOX", None, None, BODY)
    full = one.append("INBOX", None, None, BODY)
    one.logout()
    return said, moved, room, full


async def test_imap_at_the_limit(site):
    await fill(site)
    said, moved, room, full = await site.in_thread(work_at_the_limit, site)
    for kind, texts in [*said, full]:
        assert kind == "NO"
        assert b"[OVERQUOTA]" in texts[0]
    assert moved[0] == room[0] == "OK"
    assert await messages(site) == 10


async def test_552_by_setting(tables, tmp_path):
    async with open_server(tables("memory", when_full="refuse"), tmp_path) as site:
        await fill(site)
        assert await site.in_thread(send, site, "mx", "alice") == [552]
        assert await site.in_thread(send, site, "mx", "alice", "bob") == [552, 250, 250]


async def test_an_account_is_warned_once(tables, tmp_path):
    async with open_server(tables("memory", warn_at=[50, 80]), tmp_path) as site:
        for _ in range(5):
            await site.in_thread(send, site, "mx", "alice")
        account = await site.open_account("alice")
        with trio.fail_after(60):
            while await messages(site) < 6:  # the warning comes after the commit
                await trio.testing.wait_all_tasks_blocked(0.01)
        inbox = await account.mailbox("INBOX")
        uids = (await inbox.view()).uids
        text = (await inbox.body(uids[-1])).read()
        assert b"Subject: Your mailbox is 50 % full\r\n" in text
        await inbox.expunge(uids[:2])
        for _ in range(2):
            await site.in_thread(send, site, "mx", "alice")
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert await messages(site) == 6
    assert AccountId("alice") == account.account
