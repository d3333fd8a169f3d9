"""Mail goes in by every door and comes out as it was: real sockets, clients and store."""

from __future__ import annotations

import smtplib
from contextlib import asynccontextmanager

import pytest
import trio
from clients import bdat, fetch, lmtp, send
from mailsite import PASSWORD, tables
from thurn.plugin import (
    Address,
    Content,
    Envelope,
    Recipient,
    Reject,
    Status,
    message_filter,
    plugin,
)
from thurn_testing.server import open_server

MESSAGE = b"From: <x@example.net>\r\nSubject: hello\r\n\r\n.dot\r\n..two\r\n\r\nend\r\n"


def below(octets, message):
    """What is below the trace fields."""
    assert octets.startswith(b"Return-Path: <"), octets[:100]
    assert octets.endswith(message), octets
    return octets[: len(octets) - len(message)]


@pytest.fixture
async def server(tmp_path):
    async with open_server(tables(tmp_path), tmp_path) as running:
        yield running


async def test_smtp_in_pop3_out(server):
    run = server.in_thread
    await run(send, server.port("mx"), "x@example.net", ["alice@example.org"], MESSAGE)
    (octets,) = (await run(fetch, server.port("pop3s"), "alice")).values()
    trace = below(octets, MESSAGE)
    assert b"Delivered-To: alice@example.org\r\n" in trace
    assert b"with ESMTPS id" in trace
    assert b"for <alice@example.org>" in trace


async def test_lmtp_answers_each_recipient(server):
    run = server.in_thread
    whom = ["alice@example.org", "nobody@example.org", "bob@example.org"]
    refused = await run(lmtp, server.port("lmtp"), "x@example.net", whom, MESSAGE)
    assert list(refused) == ["nobody@example.org"]
    assert refused["nobody@example.org"][0] == 550
    for name in ("alice", "bob"):
        assert len(await run(fetch, server.port("pop3s"), name)) == 1


async def test_an_alias_reaches_each_once(server):
    run = server.in_thread
    whom = ["team@example.org", "alice@example.org"]
    await run(send, server.port("mx"), "x@example.net", whom, MESSAGE)
    assert len(await run(fetch, server.port("pop3s"), "alice")) == 1
    assert len(await run(fetch, server.port("pop3s"), "bob")) == 1


async def test_nobody_relays_without_a_login(server):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        await server.in_thread(
            send, server.port("mx"), "x@example.net", ["y@elsewhere.example"], MESSAGE
        )
    code, text = refused.value.recipients["y@elsewhere.example"]
    assert code == 550
    assert text.startswith(b"5.7.1")


async def test_submission_wants_a_login(server):
    run = server.in_thread
    with pytest.raises(smtplib.SMTPSenderRefused) as refused:
        await run(
            send, server.port("submission"), "alice@example.org", ["bob@example.org"], MESSAGE
        )
    assert refused.value.smtp_code == 530
    await run(
        send,
        server.port("submission"),
        "alice@example.org",
        ["bob@example.org"],
        MESSAGE,
        login="alice",
    )
    assert len(await run(fetch, server.port("pop3s"), "bob")) == 1


async def test_a_wrong_password_is_535(server, monkeypatch):
    monkeypatch.setattr("clients.PASSWORD", PASSWORD + "x")
    for name in ("alice", "stranger"):
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            await server.in_thread(
                send,
                server.port("submission"),
                "a@example.org",
                ["bob@example.org"],
                MESSAGE,
                login=name,
            )
        assert refused.value.smtp_code == 535


async def test_unique_ids_stay_and_quit_deletes(server):
    run = server.in_thread
    for _ in range(3):
        await run(lmtp, server.port("lmtp"), "x@example.net", ["bob@example.org"], MESSAGE)
    first = await run(fetch, server.port("pop3s"), "bob")
    await server.settle()
    assert await run(fetch, server.port("pop3s"), "bob", delete=True) == first
    assert await run(fetch, server.port("pop3s"), "bob") == {}


async def test_a_large_message_is_spilled_and_comes_back(server):
    run = server.in_thread
    large = b"Subject: large\r\n\r\n" + (b"0123456789abcdef" * 4 + b"\r\n") * 1024 * 45
    await run(bdat, server.port("mx"), "x@example.net", "alice@example.org", large, size=200_000)
    (octets,) = (await run(fetch, server.port("pop3s"), "alice")).values()
    below(octets, large)
    spilled = list((server.site.data / "listener" / "mx" / "tmp").iterdir())
    assert spilled == []


async def test_mail_survives_a_restart(tmp_path):
    async with open_server(tables(tmp_path), tmp_path) as first:
        await first.in_thread(
            lmtp, first.port("lmtp"), "x@example.net", ["bob@example.org"], MESSAGE
        )
        before = await first.in_thread(fetch, first.port("pop3s"), "bob")
    async with open_server(tables(tmp_path), tmp_path) as second:
        assert await second.in_thread(fetch, second.port("pop3s"), "bob") == before


@message_filter("faulty")
def faulty(message):
    word = message.header("subject")
    if word == "raise":
        raise KeyError("of the plugin")
    if word == "nonsense":
        return 42
    if word == "refuse":
        return Reject("test.refused", "Not this one")
    return None


@message_filter("waits")
async def waits(message):
    if message.header("subject") == "wait":
        await trio.sleep_forever()


async def test_a_faulty_filter_is_a_temporary_failure(tmp_path):
    site = tables(tmp_path, mx={"filters": ["faulty", "waits"]})
    site["filter"] = {
        "faulty": {"type": "faulty"},
        "waits": {"type": "waits", "deadline": "200ms"},
    }
    async with open_server(site, tmp_path, plugins=[faulty, waits]) as server:
        run, port = server.in_thread, server.port("mx")
        for word, code in [("raise", 451), ("nonsense", 451), ("wait", 451), ("refuse", 550)]:
            message = f"Subject: {word}\r\n\r\nx\r\n".encode()
            with pytest.raises(smtplib.SMTPDataError) as refused:
                await run(send, port, "x@example.net", ["alice@example.org"], message)
            assert refused.value.smtp_code == code, word
            (record,) = server.journal(1)
            stage = record["stages"][-1]
            assert stage["by"] in ("filter.faulty", "filter.waits")
            assert "test_mail.py:" in stage["source"]
            await run(send, port, "x@example.net", ["alice@example.org"], MESSAGE)
        assert len(await run(fetch, server.port("pop3s"), "alice")) == 4


class _Rules:
    """Rules of accounts: bob rejects; carol-like detail "copy" also sends to alice."""

    async def deliver(self, delivery):
        if delivery.record.account == "bob" and delivery.detail == "copy":
            alice = Recipient(Address.parse("alice@example.org"))
            delivery.send(Envelope(delivery.envelope.sender, (alice,)), delivery.content)
            delivery.send(Envelope(delivery.envelope.sender, (alice,)), Content.of(OTHER))
        elif delivery.record.account == "bob":
            delivery.reject(Status(550, "5.7.1", "Not for me"))


OTHER = b"Subject: other\r\n\r\nanother message\r\n"


@plugin("delivery", "rules")
@asynccontextmanager
async def rules():
    yield _Rules()


async def test_a_report_to_a_sender_who_is_also_a_recipient_is_not_a_repeat(tmp_path):
    """One accepts, one rejects: 250, and a report; here to an account that got the message too."""
    site = tables(tmp_path, mx={"delivery": ["rules"]})
    site["delivery"] = {"rules": {"type": "rules"}}
    site["queue"] = {"main": {"type": "spool"}}
    site["site"]["queue"] = "main"
    async with open_server(site, tmp_path, plugins=[rules]) as server:
        run = server.in_thread
        whom = ["alice@example.org", "bob@example.org"]
        await run(send, server.port("mx"), "alice@example.org", whom, MESSAGE)
        fetched = list((await run(fetch, server.port("pop3s"), "alice")).values())
    assert len(fetched) == 2
    assert sum(b"Not for me" in octets for octets in fetched) == 1
    assert sum(octets.endswith(MESSAGE) for octets in fetched) == 1


async def test_what_rules_send_to_a_recipient_is_not_a_repeat(tmp_path):
    site = tables(tmp_path, mx={"delivery": ["rules"]})
    site["delivery"] = {"rules": {"type": "rules"}}
    async with open_server(site, tmp_path, plugins=[rules]) as server:
        run = server.in_thread
        whom = ["alice@example.org", "bob+copy@example.org"]
        await run(send, server.port("mx"), "x@example.net", whom, MESSAGE)
        fetched = list((await run(fetch, server.port("pop3s"), "alice")).values())
    assert len(fetched) == 3
    assert sum(octets.endswith(OTHER) for octets in fetched) == 1


async def test_a_listener_with_accounts_of_its_own(tmp_path):
    """The listener's own list serves login, addresses and mailboxes; the site has no list."""
    site = tables(tmp_path)
    site["site"]["accounts"] = []
    for section in site["listener"].values():
        section["accounts"] = ["main"]
    async with open_server(site, tmp_path) as server:
        run = server.in_thread
        await run(send, server.port("mx"), "x@example.net", ["alice@example.org"], MESSAGE)
        assert len(await run(fetch, server.port("pop3s"), "alice")) == 1


class _Careless:
    async def deliver(self, delivery):
        delivery.keep()
        delivery.after_commit(lambda: 1 // 0)


@plugin("delivery", "careless")
@asynccontextmanager
async def careless():
    yield _Careless()


async def test_what_is_durable_is_answered_250_whatever_comes_after(tmp_path):
    site = tables(tmp_path, mx={"delivery": ["careless"]})
    site["delivery"] = {"careless": {"type": "careless"}}
    async with open_server(site, tmp_path, plugins=[careless]) as server:
        run = server.in_thread
        await run(send, server.port("mx"), "x@example.net", ["alice@example.org"], MESSAGE)
        assert len(await run(fetch, server.port("pop3s"), "alice")) == 1
